"""`python -m <package>.evaluate`: evaluate search and answers on questions with known answers."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

if TYPE_CHECKING:
    from ..settings import Settings

BASELINE = Path("eval", "baseline.json")
REPORTS = Path("reports")
QUESTIONS = Path("eval", "questions.jsonl")
REGRESSED = 4


def main(arguments: list[str] | None = None) -> int:
    """Evaluate and return the exit code: 0, 1 on an error, 4 if the gate fails."""
    args = _parser().parse_args(arguments)
    # Here and below, heavy modules are imported late to keep --help fast.
    from pydantic import ValidationError  # noqa: PLC0415

    from ..answer.chat import ModelError  # noqa: PLC0415
    from ..records import UserError  # noqa: PLC0415
    from ..web.settings import format_errors  # noqa: PLC0415

    try:
        return _tune(args) if args.tune else _evaluate(args)
    except ValidationError as error:
        for line in format_errors(error):
            print(f"error: {line}", file=sys.stderr)
    except (UserError, ModelError) as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__)
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="file with questions")
    parser.add_argument("--split", choices=("test", "tune"), default="test", help="which split")
    parser.add_argument("--chunkers", action="store_true", help="compare all chunkers")
    parser.add_argument("--rerank", action="store_true", help="compare with a cross-encoder")
    parser.add_argument("--judge", action="store_true", help="have a language model judge answers")
    parser.add_argument("--search-only", action="store_true", help="evaluate the search only")
    parser.add_argument("--gate", action="store_true", help="exit with 4 on a regression")
    parser.add_argument("--baseline", action="store_true", help="save the results for the gate")
    parser.add_argument("--tune", action="store_true", help="tune the parameters of the search")
    return parser


def _tune(args: argparse.Namespace) -> int:
    from ..factories import open_embedder  # noqa: PLC0415
    from ..retrieve.tuned import FILE, save  # noqa: PLC0415
    from .questions import load  # noqa: PLC0415
    from .retrieval import search_questions  # noqa: PLC0415
    from .run import build_index  # noqa: PLC0415
    from .tune import tune  # noqa: PLC0415

    settings = _settings()
    embedder = open_embedder(settings)
    questions = load(args.questions)
    store, _ = build_index(settings, embedder)
    searched = search_questions(questions.split("tune"), store, embedder)
    header = questions.header
    tuned = tune(searched, f"tuned on {len(searched)} questions of {header.name} {header.version}")
    save(tuned)
    print(f"wrote {FILE.name}: {tuned.fusion}, threshold {tuned.threshold}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from ..factories import open_embedder  # noqa: PLC0415
    from ..records import UserError  # noqa: PLC0415
    from ..settings import ChunkerName  # noqa: PLC0415
    from .questions import load  # noqa: PLC0415
    from .report import as_text, regressions, write, write_baseline  # noqa: PLC0415
    from .run import EvaluationOptions, evaluate  # noqa: PLC0415

    settings = _settings()
    questions = load(args.questions)
    options = EvaluationOptions(
        get_args(ChunkerName) if args.chunkers else (),
        args.rerank or settings.reranker == "cross-encoder",
        not args.search_only,
        args.judge or settings.answerer == "openai-compatible",
    )
    embedder = open_embedder(settings)
    selected = questions.split(args.split)
    evaluation = evaluate(settings, embedder, questions, selected, options)
    print(as_text(evaluation))
    print("\nwrote " + " and ".join(map(str, write(evaluation, REPORTS))))
    if args.baseline:
        write_baseline(evaluation, BASELINE)
        print(f"wrote {BASELINE}")
    if not args.gate:
        return 0
    try:
        problems = regressions(evaluation, BASELINE)
    except OSError as error:
        raise UserError(f"cannot read {BASELINE}: {error}. `make baseline` writes it.") from error
    for line in problems:
        print(f"regression: {line}", file=sys.stderr)
    return REGRESSED if problems else 0


def _settings() -> "Settings":
    """Load the settings; evaluation needs no API key."""
    from ..settings import Settings  # noqa: PLC0415

    return Settings(auth="none")


if __name__ == "__main__":
    sys.exit(main())
