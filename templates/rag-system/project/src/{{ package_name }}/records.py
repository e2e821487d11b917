"""What everything here speaks of: documents, chunks of them, and what a search finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Kind = Literal["markdown", "html", "pdf", "text"]
FIELDS = ("kind", "folder", "document")
"""By what a search can be narrowed, beside access labels."""


class UserError(Exception):
    """Something that a person can put right; the message says what, where and how."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or the like, and the headings that it stands under.

    Attributes:
        start: Where it begins in the document's text.
        end: Where it ends; `text[start:end]` is the block.
        heading: The path of headings, like `Watering > Schedules`.
        section: How many headings came before; tells sections of the same name apart.
    """

    start: int
    end: int
    heading: str
    section: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the index knows it.

    Attributes:
        id: Its path below the folder of documents, with `/`.
        title: For people.
        text: What spans count in: the file itself for Markdown and plain text, what was extracted
            from HTML and PDF.
        kind: Of the file.
        labels: Who may see it: anyone who holds one of these.
        digest: Of all that decides how it is indexed; if it is the same, there is nothing to do.
    """

    id: str
    title: str
    text: str
    kind: Kind
    labels: frozenset[str]
    digest: str

    @property
    def folder(self) -> str:
        """The first part of its path; empty for files at the top."""
        return self.id.partition("/")[0] if "/" in self.id else ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage that is found and read as a whole.

    Attributes:
        document: Id of its document.
        ordinal: Its number in the document, from 0.
        start: Where it begins in the document's text.
        end: Where it ends.
        text: `document.text[start:end]`, what a reader gets.
        heading: The path of headings that it stands under.
        focus: The part of the document's text, within start and end, that is searched for.
    """

    document: str
    ordinal: int
    start: int
    end: int
    text: str
    heading: str
    focus: tuple[int, int]

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From a row of a database: the fields in their order, the focus as two."""
        document, ordinal, start, end, text, heading, focus_start, focus_end = row
        return cls(document, ordinal, start, end, text, heading, (focus_start, focus_end))

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from all other chunks."""
        return self.document, self.ordinal

    @property
    def searched(self) -> str:
        """The text that is embedded: the focus under its headings."""
        begin, end = self.focus
        focus = self.text[begin - self.start : end - self.start]
        return f"{self.heading}\n{focus}" if self.heading else focus


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Weights of some terms.

    Attributes:
        terms: Ids of the terms, ascending; shape (t,).
        weights: Their weights; shape (t,).
    """

    terms: NDArray[np.int32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk as the index keeps it.

    Attributes:
        chunk: What is found.
        dense: Its embedding, of length one; shape (dimensions,).
        sparse: Its BM25 weights, without the part that depends on all other chunks.
    """

    chunk: Chunk
    dense: NDArray[np.float32]
    sparse: SparseVector


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search may look at. Whoever asks is known here by labels alone.

    Attributes:
        labels: A document is visible if it has one of these.
        where: Fields and the value that each must have.
    """

    labels: frozenset[str]
    where: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, labels: frozenset[str], where: Mapping[str, str] | None = None) -> Self:
        """From a mapping of fields to values."""
        return cls(labels, frozenset((where or {}).items()))

    def admits(self, document: Document) -> bool:
        """Whether a document is in scope."""
        values = {"kind": document.kind, "folder": document.folder, "document": document.id}
        return bool(self.labels & document.labels) and all(
            values.get(name) == value for name, value in self.where
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found.

    Attributes:
        chunk: The chunk.
        title: Of its document.
        score: How well it matches; comparable within one search only.
    """

    chunk: Chunk
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """What the two halves of a search found, best first."""

    dense: tuple[Hit, ...] = ()
    sparse: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation, and what was answered."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model was given and gave, in tokens, and what that costs."""

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Citation:
    """The source of a sentence.

    Attributes:
        number: As it stands in the answer, in brackets.
        document: Id of the document.
        title: Of the document.
        heading: The path of headings.
        start: Where the quote begins in the document's text.
        end: Where it ends.
        quote: `document.text[start:end]`.
    """

    number: int
    document: str
    title: str
    heading: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer, and the numbers of the citations that bear it out."""

    text: str
    citations: tuple[int, ...] = ()


Outcome = Literal["answered", "abstained", "refused"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of a question.

    Attributes:
        outcome: `answered`, `abstained` (the documents don't tell) or `refused` (a guard said no).
        sentences: The answer; of an abstention, one that says so.
        citations: The sources, numbered from 1.
        question: The question as it was understood, after rewriting.
        confidence: Probability that the documents hold an answer.
        dropped: Sentences that the model wrote and no source bears out; they are not shown.
        usage: Of the language model, if there is one.
        cached: Where it came from, if not made anew: `exact` or `semantic`.
    """

    outcome: Outcome
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...] = ()
    question: str = ""
    confidence: float = 0.0
    dropped: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    cached: Literal["", "exact", "semantic"] = ""

    @property
    def text(self) -> str:
        """The answer with the numbers of its sources in brackets."""
        return " ".join(
            sentence.text + "".join(f" [{number}]" for number in sentence.citations)
            for sentence in self.sentences
        )
