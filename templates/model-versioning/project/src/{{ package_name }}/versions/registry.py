"""Which version is in production, and which were before: every change is written down for good."""

from collections.abc import Iterable
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from ..errors import StateError
from .releases import Release


class Event(BaseModel):
    """Somebody changed what is in production.

    Attributes:
        action: `promote`, or `rollback` to what was there before.
        version: What is in production since.
        by: Who did it.
        at: When, in ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["promote", "rollback"]
    version: str
    by: str
    at: str


class Registry(Protocol):
    """Where promotions are written down."""

    def register(self, release: Release, content: bytes) -> str:
        """Enter a release, once; gives the name it has there."""

    def name_of(self, version: str) -> str | None:
        """Tell the name that a release has there."""

    def events(self) -> tuple[Event, ...]:
        """Give all changes, in their order."""

    def record(self, event: Event) -> None:
        """Write a change down; it counts from then on."""


def line(events: Iterable[Event]) -> tuple[str, ...]:
    """Tell what is in production, last, and what a rollback would bring back, in order.

    A rollback undoes the last promotion that was not undone; so two in a row go two back.
    """
    stack: list[str] = []
    for event in events:
        if event.action == "promote":
            stack.append(event.version)
        else:
            stack.pop()
    return tuple(stack)


def production(events: Iterable[Event]) -> str | None:
    """Tell the version in production; `None` if there is none yet."""
    stack = line(events)
    return stack[-1] if stack else None


def before(events: Iterable[Event]) -> str:
    """Tell the version that a rollback brings back.

    Raises:
        StateError: Nothing was in production before.
    """
    stack = line(events)
    if len(stack) < 2:  # noqa: PLR2004 - what is there, and what was before
        raise StateError("nothing was in production before, so there is nothing to go back to")
    return stack[-2]
