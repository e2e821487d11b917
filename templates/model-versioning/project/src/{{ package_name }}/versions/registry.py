"""Which version is in production, and which were before: every change is recorded permanently."""

from collections.abc import Iterable
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from ..errors import StateError
from .releases import Release


class Event(BaseModel):
    """A change of the version in production.

    Attributes:
        action: `promote`, or `rollback` to the previous version.
        version: The version in production after the change.
        by: Who made the change.
        at: When, in ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["promote", "rollback"]
    version: str
    by: str
    at: str


class Registry(Protocol):
    """Where releases are registered and promotions are recorded."""

    def register(self, release: Release, content: bytes) -> str:
        """Register a release, if it is not registered yet; returns its name in the registry."""

    def name_of(self, version: str) -> str | None:
        """Return a release's name in the registry; `None` if it is not registered."""

    def events(self) -> tuple[Event, ...]:
        """Return all events in order."""

    def record(self, event: Event) -> None:
        """Record an event, which puts its version into production."""


def promotion_stack(events: Iterable[Event]) -> tuple[str, ...]:
    """Return the promotions that are not undone; the last one is the version in production.

    A rollback undoes the last promotion that is not undone yet, so two rollbacks undo two.
    """
    stack: list[str] = []
    for event in events:
        if event.action == "promote":
            stack.append(event.version)
        else:
            stack.pop()
    return tuple(stack)


def production(events: Iterable[Event]) -> str | None:
    """Return the version in production; `None` if there is none yet."""
    stack = promotion_stack(events)
    return stack[-1] if stack else None


def previous(events: Iterable[Event]) -> str:
    """Return the version that a rollback restores.

    Raises:
        StateError: There is no previous version.
    """
    stack = promotion_stack(events)
    if len(stack) < 2:  # noqa: PLR2004 - the current version and the previous one
        raise StateError("no other version was in production, so there is nothing to roll back to")
    return stack[-2]
