"""A client for a running monitor: sends predictions and labels as a model would."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import httpx2 as httpx
import orjson

from .web.auth import HEADER

_SECONDS = 60


class ClientError(Exception):
    """The monitor does not respond, or rejects a request."""


@dataclass
class Client:
    """A connection to a monitor; close it, or use it as a context manager.

    Args:
        url: The address of the monitor.
        key: One of its API keys; empty if it requires none.
    """

    url: str
    key: str = ""

    def __post_init__(self) -> None:
        self._http = httpx.Client(
            base_url=self.url, headers={HEADER: self.key} if self.key else {}, timeout=_SECONDS
        )

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._http.close()

    def send(self, what: Literal["predictions", "labels"], rows: Sequence[Any]) -> None:
        """Send predictions or labels; rows that were sent before are not counted again.

        Args:
            what: The kind of the rows.
            rows: Records, or dictionaries of the same form.

        Raises:
            ClientError: The monitor did not receive them, or refused some of them.
        """
        answer = self._request("POST", f"/v1/{what}", orjson.dumps({what: rows}))
        if answer["quarantined"]:
            raise ClientError(f"{self.url} refused {what}: {answer['refused'][0]['reason']}")

    def get(self, path: str) -> dict[str, Any]:
        """Get the JSON at a path.

        Raises:
            ClientError: There is no response, or it is an error.
        """
        return self._request("GET", path)

    def _request(self, method: str, path: str, content: bytes | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, content=content)
        except httpx.HTTPError as error:
            raise ClientError(f"{self.url} does not respond: {error}") from error
        answer: dict[str, Any] = response.json()
        if not response.is_success:
            problem = f"{response.status_code}: {answer['detail']}"
            raise ClientError(f"{self.url}{path} responded with {problem}")
        return answer
