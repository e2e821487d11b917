"""Runs an app until it is told to stop, and then stops without losing a request."""

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
    """A server that says goodbye before it leaves.

    On SIGTERM it turns unready and asks clients to close their connections, but goes on
    answering for `drain_seconds`, time for load balancers to notice. Then it stops listening
    and finishes what is in flight. A second signal skips the first part.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        super().__init__(config)
        self.lifecycle = lifecycle
        self.drain_seconds = drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and note the loop for the signal handler."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        # What is here now stays for ever: searching it for garbage again and again would
        # make some requests wait.
        gc.collect()
        gc.freeze()
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            logger.info("listening", extra={"facts": {"url": url}})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to stop; uvicorn calls this on SIGTERM and SIGINT."""
        if self.lifecycle.draining:
            self.should_exit = True
            return
        self.lifecycle.draining = True
        if sig == signal.SIGINT:  # Ctrl-C: somebody waits at a terminal
            self.should_exit = True
            return
        self._loop.call_soon_threadsafe(self._loop.call_later, self.drain_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve on.

    Raises:
        SettingsError: This address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}. "
            "APP_HOST and APP_PORT choose another address; port 0 takes a free one."
        ) from error


def serve(app: ASGIApp, settings: ServiceSettings, lifecycle: Lifecycle) -> None:
    """Serve until SIGTERM or SIGINT; returns when the last request has been answered.

    Raises:
        SettingsError: The address can't be had.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,  # Observe writes one, with request ids
        server_header=False,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    listener = listen(settings.host, settings.port)
    DrainingServer(config, lifecycle, settings.drain_seconds).run([listener])
