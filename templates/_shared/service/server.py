"""Runs an app until it is told to stop, then stops without losing a request."""

import asyncio
import gc
import logging
import os
import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from .health import Lifecycle
from .settings import ServiceSettings, SettingsError

logger = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """A server that drains before it stops.

    On SIGTERM it reports that it is not ready and asks clients to close their connections, but
    keeps answering for `drain_seconds`, so that load balancers can notice. Then it stops
    listening and finishes the requests in flight. A second signal skips the wait.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        super().__init__(config)
        self.lifecycle = lifecycle
        self.drain_seconds = drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, and keep the event loop for the signal handler."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        # Everything loaded so far stays until the end. Freezing it keeps the garbage collector
        # from scanning it again and again, which would delay some requests.
        gc.collect()
        gc.freeze()
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            logger.info("listening", extra={"facts": {"url": url}})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Start to drain; uvicorn calls this on SIGTERM and SIGINT."""
        if self.lifecycle.draining:
            self.should_exit = True
            return
        self.lifecycle.draining = True
        if sig == signal.SIGINT:  # Ctrl-C: a person is waiting at a terminal
            self.should_exit = True
            return
        self._loop.call_soon_threadsafe(self._loop.call_later, self.drain_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve on.

    Raises:
        SettingsError: The address can't be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}. "
            "Set APP_HOST and APP_PORT to another address; port 0 picks a free one."
        ) from error


def serve(app: ASGIApp, settings: ServiceSettings, lifecycle: Lifecycle) -> None:
    """Serve until SIGTERM or SIGINT; return once the last request has been answered.

    Raises:
        SettingsError: The address can't be used.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,  # `Observe` writes one, with request ids
        server_header=False,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    listener = listen(settings.host, settings.port)
    DrainingServer(config, lifecycle, settings.drain_seconds).run([listener])
