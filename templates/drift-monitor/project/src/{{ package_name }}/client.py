"""Talks to a running monitor as the model that it watches does."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import httpx2 as httpx
import orjson

from .web.auth import HEADER

_SECONDS = 60


class ClientError(Exception):
    """The monitor does not answer, or refuses what it was sent."""


@dataclass
class Client:
    """A connection to a monitor; close it, or use it as a context manager.

    Args:
        url: Where the monitor listens.
        key: One of its API keys; empty if it needs none.
    """

    url: str
    key: str = ""

    def __post_init__(self) -> None:
        self._http = httpx.Client(
            base_url=self.url, headers={HEADER: self.key} if self.key else {}, timeout=_SECONDS
        )

    def __enter__(self) -> Self:
        """Use it for a while."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self._http.close()

    def send(self, what: Literal["predictions", "labels"], rows: Sequence[Any]) -> None:
        """Send predictions or labels; rows that were sent before count once.

        Args:
            what: Which of the two.
            rows: Records, or dictionaries of the same form.

        Raises:
            ClientError: They did not arrive, or some were refused.
        """
        answer = self._answer("POST", f"/v1/{what}", orjson.dumps({what: rows}))
        if answer["quarantined"]:
            raise ClientError(f"{self.url} refused {what}: {answer['refused'][0]['reason']}")

    def get(self, path: str) -> dict[str, Any]:
        """Ask for what is at a path.

        Raises:
            ClientError: There is no answer, or no good one.
        """
        return self._answer("GET", path)

    def _answer(self, method: str, path: str, content: bytes | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, content=content)
        except httpx.HTTPError as error:
            raise ClientError(f"{self.url} does not answer: {error}") from error
        answer: dict[str, Any] = response.json()
        if not response.is_success:
            said = f"{response.status_code}: {answer['detail']}"
            raise ClientError(f"{self.url}{path} answered {said}")
        return answer
