"""The interface of all answerers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..records import Hit, Usage


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence of an answer before verification.

    Attributes:
        text: The sentence.
        passages: Indices of the passages that it claims as its sources; may be empty.
        quote: Its source, if it is a quote: the passage's index, and start and end in the
            document's text. None if the answerer used its own words.
    """

    text: str
    passages: tuple[int, ...] = ()
    quote: tuple[int, int, int] | None = None


UsageCallback = Callable[[Usage], None]
"""Called with the usage of each language model call."""


class Answerer(Protocol):
    """Writes answers."""

    @property
    def name(self) -> str:
        """Identifies the answerer and its version; cached answers depend on it."""

    def draft(
        self, question: str, passages: Sequence[Hit], on_usage: UsageCallback
    ) -> Iterator[Draft]:
        """Yield the sentences of an answer; none if there is no answer."""

    def rewrite(self, question: str, history: str, on_usage: UsageCallback) -> str:
        """Rewrite a follow-up question as a standalone one."""

    def decompose(self, question: str, on_usage: UsageCallback) -> list[str]:
        """Return the questions to search for; the question itself if it is a simple one."""
