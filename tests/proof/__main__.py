"""The proof's command line, called by the make targets `prove`, `prove-all`, `freshen`, `sync`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import report, spec
from .prove import STEPS, prove_all
from .records import StepResult

_ROOT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    parser = argparse.ArgumentParser(prog="proof", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    prove = verbs.add_parser("prove", help="prove templates")
    prove.add_argument("templates", nargs="*", help="slugs (default: every template)")
    prove.add_argument("--steps", default=",".join(STEPS), help="comma separated, in this order")
    prove.add_argument("--answers", default="defaults", help="an answer set, or `all` of them")
    prove.add_argument("--jobs", type=int, default=2, help="answer sets at a time")
    chosen = parser.parse_args(arguments)
    return _prove(chosen)


def _prove(chosen: argparse.Namespace) -> int:
    every = chosen.answers == "all"
    steps = [name for name in STEPS if name in chosen.steps.split(",")]
    if unknown := set(chosen.steps.split(",")) - set(STEPS):
        sys.exit(f"error: no step {sorted(unknown)[0]!r}; steps are {', '.join(STEPS)}")
    slugs = chosen.templates or spec.templates(_ROOT)
    try:
        specs = [spec.load(_ROOT, slug) for slug in slugs]
        pairs = [
            (each, answers)
            for each in specs
            for answers in (each.answer_sets if every else [each.answer_set(chosen.answers)])
        ]
    except (spec.SpecError, StopIteration) as error:
        sys.exit(f"error: {error or f'no answer set {chosen.answers!r}'}")
    results = prove_all(_ROOT, pairs, steps, tell=_tell, every_event=every, jobs=chosen.jobs)
    print(report.table(results))
    print(f"\nreport: {report.write(_ROOT).relative_to(_ROOT)}")
    return int(any(each.status == "failed" for each in results))


def _tell(result: StepResult) -> None:
    head = f"{result.template}/{result.answer_set} {result.step}"
    print(f"{head:<44} {result.status:<8} {result.seconds:7.1f} s", flush=True)
    for finding in result.findings:
        print("    " + finding.replace("\n", "\n      "), flush=True)


if __name__ == "__main__":
    sys.exit(main())
