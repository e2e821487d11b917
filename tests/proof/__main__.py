"""The proof's command line, called by the make targets `prove`, `prove-all`, `freshen`, `sync`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from mlops_scaffold.errors import ScaffoldError

from . import freshen, report, spec, sync
from .prove import STEPS, prove_all
from .records import StepResult

_ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    parser = argparse.ArgumentParser(prog="proof", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("prove", help="prove templates")
    one.add_argument("templates", nargs="*", help="slugs (default: every template)")
    one.add_argument("--steps", default=",".join(STEPS), help="comma separated")
    one.add_argument("--answers", default="defaults", help="an answer set, or `all` of them")
    one.add_argument("--jobs", type=int, default=2, help="answer sets at a time")
    two = verbs.add_parser("freshen", help="move pins to the newest versions that work")
    two.add_argument("templates", nargs="*", help="slugs (default: every template)")
    three = verbs.add_parser("sync", help="carry a rendered project's edits into its template")
    three.add_argument("template")
    three.add_argument("rendered", type=Path)
    chosen = parser.parse_args(arguments)
    # Whoever is started in the background of a script ignores Ctrl-C, and so does all it starts,
    # also the tests that are to be stopped with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return {"prove": _prove, "freshen": _freshen, "sync": _sync}[chosen.verb](chosen)
    except (spec.SpecError, ScaffoldError, ValueError) as error:
        sys.exit(f"error: {error}")


def _prove(chosen: argparse.Namespace) -> int:
    every = chosen.answers == "all"
    asked = chosen.steps.split(",")
    if unknown := [name for name in asked if name not in STEPS]:
        message = f"no step {unknown[0]!r}; steps are {', '.join(STEPS)}"
        raise ValueError(message)
    pairs = [
        (template, answers)
        for template in (spec.load(_ROOT, slug) for slug in _slugs(chosen))
        for answers in (
            template.answer_sets if every else [spec.answer_set(template, chosen.answers)]
        )
    ]
    steps = [name for name in STEPS if name in asked]
    results = prove_all(_ROOT, pairs, steps, tell=_tell, every_event=every, jobs=chosen.jobs)
    print(f"\n{report.table(results)}\n\nreport: {report.write(_ROOT).relative_to(_ROOT)}")
    return int(any(each.status == "failed" for each in results))


def _freshen(chosen: argparse.Namespace) -> int:
    failed = False
    for slug in _slugs(chosen):
        outcome = freshen.freshen(_ROOT, slug, _tell)
        for move in outcome.moved:
            print(f"{slug}: {move}")
        if outcome.findings:
            failed = True
            print(f"{slug}: the pins stay; what breaks it: {outcome.culprit}")
            print("\n".join(outcome.findings))
        else:
            print(f"{slug}: {'moved' if outcome.moved else 'up to date'}")
    return int(failed)


def _sync(chosen: argparse.Namespace) -> int:
    changed, left = sync.sync(_ROOT, chosen.template, chosen.rendered)
    for path in changed:
        print(f"changed  {path}{'  (shared by other templates)' if '/_shared/' in path else ''}")
    for path in left:
        print(f"by hand  {path}: the edit touches lines that Jinja makes")
    if not changed and not left:
        print("nothing to carry over")
    return int(bool(left))


def _slugs(chosen: argparse.Namespace) -> list[str]:
    known = spec.templates(_ROOT)
    if unknown := [slug for slug in chosen.templates if slug not in known]:
        message = f"no template {unknown[0]!r}; there are {', '.join(known)}"
        raise ValueError(message)
    return chosen.templates or known


def _tell(result: StepResult) -> None:
    head = f"{result.template}/{result.answer_set} {result.step}"
    print(f"{head:<44} {result.status:<8} {result.seconds:7.1f} s", flush=True)
    for finding in result.findings:
        print("    " + finding.replace("\n", "\n      "), flush=True)


if __name__ == "__main__":
    sys.exit(main())
