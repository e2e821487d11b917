"""What people think of answers, kept to become questions of the evaluation.

`python -m <package>.feedback` writes them out: praised answers as cases whose sources are known,
the others for somebody to look at.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CASES = "feedback.jsonl"
REVIEW = "to-review.jsonl"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback (
  answer TEXT PRIMARY KEY, verdict TEXT NOT NULL, question TEXT NOT NULL, text TEXT NOT NULL,
  sources TEXT NOT NULL, labels TEXT NOT NULL, comment TEXT NOT NULL,
  at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's word on one answer.

    Attributes:
        answer: Id of the answer; a second word on it replaces the first.
        verdict: `good` or `bad`.
        question: What was asked.
        text: What was answered.
        sources: Pairs of document and quote.
        labels: What the asker may see.
        comment: In their own words.
    """

    answer: str
    verdict: str
    question: str
    text: str
    sources: tuple[tuple[str, str], ...]
    labels: frozenset[str]
    comment: str = ""


class FeedbackBook:
    """Keeps feedback in an SQLite file.

    Args:
        path: Where the file is, or is to be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connect() as db:
            db.execute(_SCHEMA)

    def add(self, feedback: Feedback) -> None:
        """Keep it."""
        with self._connect() as db:
            db.execute(
                "INSERT OR REPLACE INTO feedback "
                "(answer, verdict, question, text, sources, labels, comment) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    feedback.answer,
                    feedback.verdict,
                    feedback.question,
                    feedback.text,
                    json.dumps(feedback.sources),
                    json.dumps(sorted(feedback.labels)),
                    feedback.comment,
                ),
            )

    def all(self) -> list[Feedback]:
        """All of it, in the order in which it came."""
        with self._connect() as db:
            rows = db.execute(
                "SELECT answer, verdict, question, text, sources, labels, comment FROM feedback "
                "ORDER BY at, answer"
            ).fetchall()
        return [
            Feedback(
                answer,
                verdict,
                question,
                text,
                tuple((document, quote) for document, quote in json.loads(sources)),
                frozenset(json.loads(labels)),
                comment,
            )
            for answer, verdict, question, text, sources, labels, comment in rows
        ]

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=30)
        try:
            with db:
                yield db
        finally:
            db.close()


def write_cases(every: list[Feedback], folder: Path) -> tuple[int, int]:
    """Write feedback into a folder as questions for the evaluation.

    Args:
        every: The feedback.
        folder: Gets `feedback.jsonl`, praised answers with their sources, and `to-review.jsonl`,
            the others, whose sources somebody has to name.

    Returns:
        How many questions each file holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    praised = [each for each in every if each.verdict == "good" and each.sources]
    others = [each for each in every if each not in praised]
    head = {"name": "feedback", "version": len(every), "about": "What people said of answers"}
    _write(folder / CASES, head, [_case(each) for each in praised])
    _write(
        folder / REVIEW,
        head,
        [{**_case(each), "answer": each.text, "comment": each.comment} for each in others],
    )
    return len(praised), len(others)


def _case(feedback: Feedback) -> dict[str, object]:
    return {
        "id": f"f-{feedback.answer}",
        "question": feedback.question,
        "split": "test",
        "labels": sorted(feedback.labels),
        "sources": [{"document": document, "quote": quote} for document, quote in feedback.sources],
    }


def _write(path: Path, head: dict[str, object], rows: list[dict[str, object]]) -> None:
    lines = [json.dumps(each, ensure_ascii=False) for each in (head, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Write what there is into the folder of questions; gives the exit code."""
    from .settings import Settings  # noqa: PLC0415 - not needed to import this module

    path = Settings().state_dir / "feedback.db"
    praised, others = write_cases(FeedbackBook(path).all(), Path("eval"))
    sys.stdout.write(f"eval/{CASES}: {praised} questions; eval/{REVIEW}: {others} to look at\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
