"""Questions with known answers: a versioned file with one JSON object per line.

The first line names the set: `{"name": ..., "version": ..., "about": ...}`. Every other line is a
question with `id`, `question`, `split` (`tune` or `test`), `labels` (what the caller may see) and
`sources`. Each source is a `document` and a `quote` from it that answers the question; without
sources, the documents contain no answer. Sources are quotes, not chunks, so the same questions work
for every chunker.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..index.base import Store
from ..records import Scope, UserError

Split = Literal["tune", "test"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Header(_Record):
    """The name and version of a set of questions."""

    name: str
    version: int
    about: str = ""


class Source(_Record):
    """A quote from a document that answers the question."""

    document: str
    quote: str = Field(min_length=1)


class Question(_Record):
    """A question, the caller's labels, and the expected sources."""

    id: str
    question: str = Field(min_length=1)
    split: Split
    labels: frozenset[str] = frozenset({"public"})
    sources: tuple[Source, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the documents contain an answer."""
        return bool(self.sources)

    @property
    def scope(self) -> Scope:
        """What the caller may see."""
        return Scope(self.labels)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A file of questions.

    Attributes:
        header: Its name and version.
        digest: A digest of the file; results on different files are not comparable.
        questions: In file order.
    """

    header: Header
    digest: str
    questions: tuple[Question, ...]

    def split(self, name: Split) -> list[Question]:
        """Return the questions of one split."""
        return [each for each in self.questions if each.split == name]


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """A span of a document that answers a question."""

    document: str
    start: int
    end: int

    def within(self, document: str, start: int, end: int) -> bool:
        """Whether most of it lies within another span."""
        overlap = min(self.end, end) - max(self.start, start)
        return document == self.document and 2 * overlap > self.end - self.start


def load(path: Path) -> QuestionSet:
    """Read a file of questions.

    Raises:
        UserError: It can't be read, or a line is not valid.
    """
    try:
        content = path.read_bytes()
        first, *rest = [line for line in content.decode().splitlines() if line.strip()]
        header = Header.model_validate_json(first)
        questions = tuple(_parsed(path, rest))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"cannot read the questions in {path}: {error}") from error
    if len({each.id for each in questions}) < len(questions):
        raise UserError(f"{path}: two questions have the same id")
    return QuestionSet(header, hashlib.sha256(content).hexdigest(), questions)


def _parsed(path: Path, lines: list[str]) -> Iterator[Question]:
    for number, line in enumerate(lines, 2):
        try:
            yield Question.model_validate_json(line)
        except ValidationError as error:
            detail = error.errors()[0]
            where = ".".join(map(str, detail["loc"]))
            raise UserError(f"{path}, line {number}: {where}: {detail['msg']}") from error


def gold_spans(question: Question, store: Store) -> tuple[GoldSpan, ...]:
    """Locate the expected quotes in their documents, ignoring line breaks.

    Raises:
        UserError: A quote is not in its document, or the caller may not see the document.
    """
    found = []
    for source in question.sources:
        document = store.document(source.document, question.scope)
        pattern = r"\s+".join(map(re.escape, source.quote.split()))
        match = re.search(pattern, document.text) if document else None
        if not match:
            raise UserError(
                f"question {question.id}: {source.document} does not contain {source.quote!r}, or "
                f"is hidden from callers with the labels {', '.join(sorted(question.labels))}"
            )
        found.append(GoldSpan(source.document, *match.span()))
    return tuple(found)
