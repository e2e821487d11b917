"""What an answerer is given and gives."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..records import Hit, Usage


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence of an answer before it has been checked.

    Attributes:
        text: For people.
        passages: Which passages it is said to be taken from, by index from 0; may be empty.
        quote: Where it stands: the passage's index, and start and end in the document's text.
            None if the answerer has put it into words of its own.
    """

    text: str
    passages: tuple[int, ...] = ()
    quote: tuple[int, int, int] | None = None


Spend = Callable[[Usage], None]
"""Is told what a language model was given and gave."""


class Answerer(Protocol):
    """Writes answers."""

    @property
    def name(self) -> str:
        """Tells it from others, with its version: what is cached depends on it."""

    def draft(self, question: str, passages: Sequence[Hit], spend: Spend) -> Iterator[Draft]:
        """The sentences of an answer, one after the other; none if there is no answer."""

    def rewrite(self, question: str, history: str, spend: Spend) -> str:
        """A follow-up question as one that stands by itself."""

    def parts(self, question: str, spend: Spend) -> list[str]:
        """The questions to search for in order to answer one; itself, if it is but one."""
