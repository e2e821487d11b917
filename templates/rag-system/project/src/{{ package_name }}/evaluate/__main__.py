"""`python -m <package>.evaluate`: measure search and answers on questions with known answers."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

if TYPE_CHECKING:
    from ..settings import Settings

BASELINE = Path("eval", "baseline.json")
REPORTS = Path("reports")
QUESTIONS = Path("eval", "questions.jsonl")
WORSE = 4


def main(arguments: list[str] | None = None) -> int:
    """Evaluate; gives the exit code: 0, 1 if it could not be done, 4 if the gate is shut."""
    asked = _parser().parse_args(arguments)
    # What is heavy is not for --help, here and below.
    from pydantic import ValidationError  # noqa: PLC0415

    from ..answer.chat import ModelError  # noqa: PLC0415
    from ..records import UserError  # noqa: PLC0415
    from ..web.settings import format_errors  # noqa: PLC0415

    try:
        return _tune(asked) if asked.tune else _evaluate(asked)
    except ValidationError as error:
        for line in format_errors(error):
            print(f"error: {line}", file=sys.stderr)
    except (UserError, ModelError) as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__)
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="file of questions")
    parser.add_argument("--split", choices=("test", "tune"), default="test", help="which half")
    parser.add_argument("--chunkers", action="store_true", help="compare the ways of cutting")
    parser.add_argument("--rerank", action="store_true", help="compare with a cross-encoder")
    parser.add_argument("--judge", action="store_true", help="let the language model judge quotes")
    parser.add_argument("--search-only", action="store_true", help="don't answer the questions")
    parser.add_argument(
        "--gate", action="store_true", help="exit with 4 if it is worse than before"
    )
    parser.add_argument("--baseline", action="store_true", help="keep the figures for the gate")
    parser.add_argument("--tune", action="store_true", help="choose the tuned numbers anew")
    return parser


def _tune(asked: argparse.Namespace) -> int:
    from ..parts import open_embedder  # noqa: PLC0415
    from ..retrieve.tuned import FILE, save  # noqa: PLC0415
    from .questions import load  # noqa: PLC0415
    from .retrieval import search_all  # noqa: PLC0415
    from .run import index  # noqa: PLC0415
    from .tune import tune  # noqa: PLC0415

    settings = _settings()
    embedder = open_embedder(settings)
    questions = load(asked.questions)
    store, _ = index(settings, embedder)
    every = search_all(questions.split("tune"), store, embedder)
    head = questions.head
    tuned = tune(every, f"tuned on {len(every)} questions of {head.name} {head.version}")
    save(tuned)
    print(f"wrote {FILE.name}: {tuned.fusion}, threshold {tuned.threshold}")
    return 0


def _evaluate(asked: argparse.Namespace) -> int:
    from ..parts import open_embedder  # noqa: PLC0415
    from ..records import UserError  # noqa: PLC0415
    from ..settings import ChunkerName  # noqa: PLC0415
    from .questions import load  # noqa: PLC0415
    from .report import as_text, regressions, write, write_baseline  # noqa: PLC0415
    from .run import Wish, evaluate  # noqa: PLC0415

    settings = _settings()
    questions = load(asked.questions)
    wish = Wish(
        get_args(ChunkerName) if asked.chunkers else (),
        asked.rerank or settings.reranker == "cross-encoder",
        not asked.search_only,
        asked.judge or settings.answerer == "openai-compatible",
    )
    embedder = open_embedder(settings)
    found = evaluate(settings, embedder, questions, questions.split(asked.split), wish)
    print(as_text(found))
    print("\nwrote " + " and ".join(map(str, write(found, REPORTS))))
    if asked.baseline:
        write_baseline(found, BASELINE)
        print(f"wrote {BASELINE}")
    if not asked.gate:
        return 0
    try:
        worse = regressions(found, BASELINE)
    except OSError as error:
        raise UserError(f"cannot read {BASELINE}: {error}. `make baseline` writes it.") from error
    for line in worse:
        print(f"worse: {line}", file=sys.stderr)
    return WORSE if worse else 0


def _settings() -> "Settings":
    """Whoever evaluates needs no key."""
    from ..settings import Settings  # noqa: PLC0415

    return Settings(auth="none")


if __name__ == "__main__":
    sys.exit(main())
