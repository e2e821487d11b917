"""The data model: documents, their chunks, search results, and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Kind = Literal["markdown", "html", "pdf", "text"]
FIELDS = ("kind", "folder", "document")
"""The fields by which a search can be filtered, besides access labels."""


class UserError(Exception):
    """An error that the user can fix; the message says what is wrong, where, and how to fix it."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or the like, and its headings.

    Attributes:
        start: Where it starts in the document's text.
        end: Where it ends; `text[start:end]` is the block.
        heading: The heading path, like `Watering > Schedules`.
        section: The number of headings before it; distinguishes sections with the same name.
    """

    start: int
    end: int
    heading: str
    section: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the index stores it.

    Attributes:
        id: Its path below the folder of documents, with `/` as separator.
        title: Its title.
        text: The text that spans refer to: the file itself for Markdown and plain text, the
            extracted text for HTML and PDF.
        kind: The kind of file.
        labels: Its access labels: whoever has one of them may see it.
        digest: A digest of everything that determines how it is indexed; if it is the same, there
            is nothing to do.
    """

    id: str
    title: str
    text: str
    kind: Kind
    labels: frozenset[str]
    digest: str

    @property
    def folder(self) -> str:
        """The first part of its path; empty for files at the top level."""
        return self.id.partition("/")[0] if "/" in self.id else ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage, the unit of search.

    Attributes:
        document: The id of its document.
        ordinal: Its number in the document, from 0.
        start: Where it starts in the document's text.
        end: Where it ends.
        text: `document.text[start:end]`, which search returns.
        heading: The path of the headings above it.
        focus: The span of the document's text, within start and end, that is indexed.
    """

    document: str
    ordinal: int
    start: int
    end: int
    text: str
    heading: str
    focus: tuple[int, int]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """Create a chunk from a database row: the fields in order, with `focus` as two columns."""
        document, ordinal, start, end, text, heading, focus_start, focus_end = row
        return cls(document, ordinal, start, end, text, heading, (focus_start, focus_end))

    @property
    def key(self) -> tuple[str, int]:
        """What identifies the chunk."""
        return self.document, self.ordinal

    @property
    def indexed_text(self) -> str:
        """The text that is embedded: the focus below its heading."""
        start, end = self.focus
        focus = self.text[start - self.start : end - self.start]
        return f"{self.heading}\n{focus}" if self.heading else focus


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Weights of the terms in a text.

    Attributes:
        terms: Term ids, ascending; shape (t,).
        weights: Their weights; shape (t,).
    """

    terms: NDArray[np.int32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk as the index stores it.

    Attributes:
        chunk: The chunk.
        dense: Its embedding, of length one; shape (dimensions,).
        sparse: Its BM25 weights, without IDF, which depends on the other chunks.
    """

    chunk: Chunk
    dense: NDArray[np.float32]
    sparse: SparseVector


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search may return. A caller is known here only by access labels.

    Attributes:
        labels: A document is visible if it has one of these labels.
        where: Filters: pairs of a field and its required value.
    """

    labels: frozenset[str]
    where: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, labels: frozenset[str], where: Mapping[str, str] | None = None) -> Self:
        """Create a scope from labels and a mapping of fields to required values."""
        return cls(labels, frozenset((where or {}).items()))

    def admits(self, document: Document) -> bool:
        """Whether the document is in scope."""
        values = {"kind": document.kind, "folder": document.folder, "document": document.id}
        return bool(self.labels & document.labels) and all(
            values.get(name) == value for name, value in self.where
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a search.

    Attributes:
        chunk: The chunk.
        title: The title of its document.
        score: How well it matches; comparable only within one search.
    """

    chunk: Chunk
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The results of dense and of sparse search, best first."""

    dense: tuple[Hit, ...] = ()
    sparse: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, earlier in the conversation."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written by a language model, and their cost."""

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Citation:
    """The source of a sentence.

    Attributes:
        number: Its number in the answer, shown in brackets.
        document: The id of the document.
        title: The title of the document.
        heading: The path of the headings above the quote.
        start: Where the quote starts in the document's text.
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
    """A sentence of an answer, and the numbers of the citations that support it."""

    text: str
    citations: tuple[int, ...] = ()


Outcome = Literal["answered", "abstained", "refused"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, or the notice that there is none.

    Attributes:
        outcome: `answered`, `abstained` (the documents don't say) or `refused` (by a guard).
        sentences: The answer, or a notice that there is none.
        citations: The sources, numbered from 1.
        question: The question as it was understood, after rewriting.
        confidence: The probability that the documents contain an answer.
        dropped: Sentences that the model wrote but no source supports; they are not shown.
        usage: The usage of the language model, if there is one.
        cached: How it was found in the cache: `exact`, `semantic`, or empty if it was not.
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
        """The answer with citation numbers in brackets."""
        return " ".join(
            sentence.text + "".join(f" [{number}]" for number in sentence.citations)
            for sentence in self.sentences
        )
