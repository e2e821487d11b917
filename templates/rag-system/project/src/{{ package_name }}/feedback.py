"""User feedback on answers, which becomes new evaluation questions.

`python -m <package>.feedback` exports it: answers rated good become questions with known sources,
all others go into a file for manual review.
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
    """One user's rating of one answer.

    Attributes:
        answer: The answer's id; a second rating of it replaces the first.
        verdict: `good` or `bad`.
        question: The question.
        text: The answer.
        sources: Pairs of document id and quote.
        labels: What the user may see.
        comment: The user's own words.
    """

    answer: str
    verdict: str
    question: str
    text: str
    sources: tuple[tuple[str, str], ...]
    labels: frozenset[str]
    comment: str = ""


class FeedbackStore:
    """Stores feedback in an SQLite file.

    Args:
        path: The file; it is created if it doesn't exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connect() as db:
            db.execute(_SCHEMA)

    def add(self, feedback: Feedback) -> None:
        """Save one rating."""
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
        """Return all feedback, oldest first."""
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


def write_cases(feedback: list[Feedback], folder: Path) -> tuple[int, int]:
    """Write feedback to a folder as evaluation questions.

    Args:
        feedback: All feedback.
        folder: Gets `feedback.jsonl`, the answers rated good with their sources, and
            `to-review.jsonl`, the others, whose sources someone has to add.

    Returns:
        The number of questions in each file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    good = [each for each in feedback if each.verdict == "good" and each.sources]
    others = [each for each in feedback if each not in good]
    header = {"name": "feedback", "version": len(feedback), "about": "User feedback on answers"}
    _write(folder / CASES, header, [_case(each) for each in good])
    _write(
        folder / REVIEW,
        header,
        [{**_case(each), "answer": each.text, "comment": each.comment} for each in others],
    )
    return len(good), len(others)


def _case(feedback: Feedback) -> dict[str, object]:
    return {
        "id": f"f-{feedback.answer}",
        "question": feedback.question,
        "split": "test",
        "labels": sorted(feedback.labels),
        "sources": [{"document": document, "quote": quote} for document, quote in feedback.sources],
    }


def _write(path: Path, header: dict[str, object], rows: list[dict[str, object]]) -> None:
    lines = [json.dumps(each, ensure_ascii=False) for each in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Write the stored feedback into `eval/` and return the exit code."""
    from .settings import Settings  # noqa: PLC0415 - importing this module needs no settings

    path = Settings().state_dir / "feedback.db"
    good, others = write_cases(FeedbackStore(path).all(), Path("eval"))
    sys.stdout.write(f"eval/{CASES}: {good} questions; eval/{REVIEW}: {others} to review\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
