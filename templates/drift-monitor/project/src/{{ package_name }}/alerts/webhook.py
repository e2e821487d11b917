"""Alerts as POST requests, to a service of one's own or to Slack and what speaks like it."""

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from ..records import Alert, to_json
from .errors import PermanentError, TemporaryError

_AGAIN = frozenset({408, 425, 429})
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Webhook:
    """Sends one request for each alert, under its key in the header `Idempotency-Key`."""

    url: str
    slack: bool
    seconds: float

    def send(self, alert: Alert) -> None:
        """Send; returns when the receiver has taken it.

        Raises:
            TemporaryError: It may work later.
            PermanentError: The receiver does not want it.
        """
        if self.slack:
            post(self.url, self.seconds, alert.key, json={"text": alert.text})
        else:
            post(self.url, self.seconds, alert.key, content=to_json(alert))


def post(url: str, seconds: float, key: str, **body: Any) -> None:
    """One POST request with JSON, judged by its status.

    Raises:
        TemporaryError: No answer, an error of the server's, or a wish to be asked later.
        PermanentError: Any other refusal.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    try:
        response = httpx.post(url, timeout=seconds, headers=headers, **body)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise PermanentError(f"not a URL to send to: {error}") from error
    except httpx.HTTPError as error:
        raise TemporaryError(f"no answer: {type(error).__name__} {error}".strip()) from error
    if response.is_success:
        return
    said = f"status {response.status_code}: {response.text[:200]}"
    if response.status_code in _AGAIN or response.status_code >= _SERVER_ERROR:
        raise TemporaryError(said)
    raise PermanentError(said)
