"""Sends alerts as POST requests, to your own service or to Slack-compatible webhooks."""

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from ..records import Alert, to_json
from .errors import PermanentError, TemporaryError

_RETRYABLE = frozenset({408, 425, 429})
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Webhook:
    """Sends one request per alert, with its key in the header `Idempotency-Key`."""

    url: str
    slack: bool
    seconds: float

    def send(self, alert: Alert) -> None:
        """Send an alert; return once the receiver has accepted it.

        Raises:
            TemporaryError: It may work later.
            PermanentError: The address is invalid, or the receiver rejects the alert.
        """
        if self.slack:
            post(self.url, self.seconds, alert.key, json={"text": alert.text})
        else:
            post(self.url, self.seconds, alert.key, content=to_json(alert))


def post(url: str, seconds: float, key: str, **body: Any) -> None:
    """Send JSON in a POST request and map the response to an error, if any.

    Raises:
        TemporaryError: No response, a server error, or a request to retry later.
        PermanentError: An invalid URL or any other error.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    try:
        response = httpx.post(url, timeout=seconds, headers=headers, **body)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise PermanentError(f"invalid URL: {error}") from error
    except httpx.HTTPError as error:
        raise TemporaryError(f"no response: {type(error).__name__} {error}".strip()) from error
    if response.is_success:
        return
    reason = f"status {response.status_code}: {response.text[:200]}"
    if response.status_code in _RETRYABLE or response.status_code >= _SERVER_ERROR:
        raise TemporaryError(reason)
    raise PermanentError(reason)
