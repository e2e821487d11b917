"""Questions with known answers: a versioned file, one JSON object a line.

The first line names the set: `{"name": ..., "version": ..., "about": ...}`. Each other one is a
question: `id`, `question`, `split` (`tune` or `test`), `labels` (what the asker may see) and
`sources`, each a `document` and a `quote`, words of it that answer. Without sources, the documents
hold no answer. Sources are words, not chunks, so the same questions judge every way of cutting.
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


class Head(_Record):
    """What the set is called."""

    name: str
    version: int
    about: str = ""


class Source(_Record):
    """Words of a document that answer."""

    document: str
    quote: str = Field(min_length=1)


class Question(_Record):
    """A question, who asks it, and what answers it."""

    id: str
    question: str = Field(min_length=1)
    split: Split
    labels: frozenset[str] = frozenset({"public"})
    sources: tuple[Source, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the documents hold an answer."""
        return bool(self.sources)

    @property
    def scope(self) -> Scope:
        """What the asker may look at."""
        return Scope(self.labels)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A file of questions.

    Attributes:
        head: Its name and version.
        digest: Of its bytes; figures of two files can't be compared.
        questions: In the order of the file.
    """

    head: Head
    digest: str
    questions: tuple[Question, ...]

    def split(self, name: Split) -> list[Question]:
        """The questions of one half."""
        return [each for each in self.questions if each.split == name]


@dataclass(frozen=True, slots=True)
class Gold:
    """A stretch of a document that answers."""

    document: str
    start: int
    end: int

    def within(self, document: str, start: int, end: int) -> bool:
        """Whether most of it is in another stretch."""
        common = min(self.end, end) - max(self.start, start)
        return document == self.document and 2 * common > self.end - self.start


def load(path: Path) -> QuestionSet:
    """Read a file of questions.

    Raises:
        UserError: It can't be read, or a line is not what it should be.
    """
    try:
        content = path.read_bytes()
        first, *rest = [line for line in content.decode().splitlines() if line.strip()]
        head = Head.model_validate_json(first)
        questions = tuple(_parsed(path, rest))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"cannot read the questions in {path}: {error}") from error
    if len({each.id for each in questions}) < len(questions):
        raise UserError(f"{path}: two questions have the same id")
    return QuestionSet(head, hashlib.sha256(content).hexdigest(), questions)


def _parsed(path: Path, lines: list[str]) -> Iterator[Question]:
    for number, line in enumerate(lines, 2):
        try:
            yield Question.model_validate_json(line)
        except ValidationError as error:
            detail = error.errors()[0]
            where = ".".join(map(str, detail["loc"]))
            raise UserError(f"{path}, line {number}: {where}: {detail['msg']}") from error


def golds(question: Question, store: Store) -> tuple[Gold, ...]:
    """Where the answers stand; line breaks within a quote don't matter.

    Raises:
        UserError: A quote is not in its document, or the asker may not see it.
    """
    found = []
    for source in question.sources:
        document = store.document(source.document, question.scope)
        pattern = r"\s+".join(map(re.escape, source.quote.split()))
        match = re.search(pattern, document.text) if document else None
        if not match:
            raise UserError(
                f"question {question.id}: {source.document} does not say {source.quote!r}, or not "
                f"to those who see {', '.join(sorted(question.labels))}"
            )
        found.append(Gold(source.document, *match.span()))
    return tuple(found)
