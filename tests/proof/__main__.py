"""The proof's command line, called by the make targets `prove`, `freshen`, `sync` and others."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from mlops_scaffold.errors import ScaffoldError

from . import freshen, page, records, report, schedule, spec, standing, sync
from .budget import Budget, unit_seconds
from .domain import StepResult
from .prove import Task, prove_all
from .standing import Pair, Standing
from .steps import STEPS

_ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    chosen = _parser().parse_args(arguments)
    # Whoever is started in the background of a script ignores Ctrl-C, and so does all it starts,
    # also the tests that are to be stopped with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status: int = chosen.verb(chosen)
    except (spec.SpecError, records.RecordsError, ScaffoldError, ValueError) as error:
        sys.exit(f"error: {error}")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proof", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("prove", help="prove what is not recorded as proved")
    one.add_argument("--steps", default=",".join(STEPS), help="comma separated")
    one.add_argument("--answers", default="defaults", help="an answer set, or `all` of them")
    one.add_argument("--fresh", action="store_true", help="ignore the records")
    one.add_argument("--deep", action="store_true", help="real CI jobs, all tests after upgrades")
    two = verbs.add_parser("ci", help="prove what there is time for, and say what is left")
    two.add_argument("--minutes", type=float, default=45.0, help="the time (default: 45)")
    three = verbs.add_parser("state", help="say what is proved, and prove nothing")
    three.add_argument("--check", action="store_true", help="exit with 1 if anything is unproved")
    four = verbs.add_parser("freshen", help="move pins to the newest versions that work")
    for each in (one, two, three, four):
        each.add_argument("templates", nargs="*", help="slugs (default: every template)")
    for each in (one, two):
        each.add_argument("--jobs", type=int, default=2, help="answer sets at a time")
    five = verbs.add_parser("sync", help="carry a rendered project's edits into its template")
    five.add_argument("template")
    five.add_argument("rendered", type=Path)
    six = verbs.add_parser("templates", help="list the templates as JSON")
    handlers = (_prove, _ci, _state, _freshen, _sync, _templates)
    for each, handler in zip((one, two, three, four, five, six), handlers, strict=True):
        each.set_defaults(verb=handler)
    return parser


def _prove(chosen: argparse.Namespace) -> int:
    steps = chosen.steps.split(",")
    if unknown := [name for name in steps if name not in STEPS]:
        message = f"no step {unknown[0]!r}; steps are {', '.join(STEPS)}"
        raise ValueError(message)
    pairs = _pairs(chosen, chosen.answers)
    found = standing.standings(_ROOT, pairs, deep=chosen.deep)
    todo = schedule.tasks(_ROOT, pairs, found, steps, fresh=chosen.fresh)
    _announce([each for each in found if each.step in steps], todo, chosen.jobs)
    results = prove_all(_ROOT, todo, tell=_tell, deep=chosen.deep, jobs=chosen.jobs)
    shown = [each for each in found if each.step in steps]
    print(f"\n{report.table(report.rows(shown, results))}\n")
    _write_page(results)
    return int(any(each.status == "failed" for each in results))


def _ci(chosen: argparse.Namespace) -> int:
    """Prove within the time; only what fails is a failure, what is left is listed."""
    budget = Budget.of(chosen.minutes)
    pairs = _pairs(chosen, "all")
    found = standing.standings(_ROOT, pairs)
    todo = schedule.in_line(schedule.waiting(), schedule.tasks(_ROOT, pairs, found, STEPS))
    _announce(found, todo, chosen.jobs)
    results = prove_all(_ROOT, todo, tell=_tell, jobs=chosen.jobs, budget=budget)
    schedule.keep_waiting(todo, results)
    if not chosen.templates and (slug := schedule.stalest(found)):
        oldest = [pair for pair in pairs if pair[0].slug == slug][:1]
        (task,) = schedule.tasks(_ROOT, oldest, found, STEPS, fresh=True)
        if budget.fits(unit_seconds(task.steps, task.known)):
            print(f"with time left, the stalest template afresh: {slug}")
            results += prove_all(_ROOT, [task], tell=_tell, budget=budget)
    print(f"\n{report.table(report.rows(found, results))}\n")
    for line in _write_page(results):
        print(f"UNPROVED  {line}")
    return int(any(each.status == "failed" for each in results))


def _announce(found: Sequence[Standing], todo: Sequence[Task], jobs: int) -> None:
    """Say what is going to be proved, why, and about how long it takes."""
    for line in standing.missing(found):
        print(f"to prove  {line}")
    if todo:
        seconds = [unit_seconds(task.steps, task.known) for task in todo]
        minutes = max(sum(seconds) / jobs, *seconds) / 60
        print(f"about {minutes:.0f} minutes\n", flush=True)


def _state(chosen: argparse.Namespace) -> int:
    pairs = _pairs(chosen, "all")
    found = standing.standings(_ROOT, pairs)
    missing = standing.missing(found)
    if not chosen.check:
        print(f"{report.table(report.rows(found))}\n")
    if not chosen.check and not chosen.templates:
        report.write(_ROOT, report.rows(found), missing)
    for line in missing:
        print(f"UNPROVED  {line}")
    return int(chosen.check and bool(missing))


def _write_page(results: Sequence[StepResult]) -> list[str]:
    """Write the page about all templates; gives what is not proved, a line per answer set."""
    every = [
        (template, answers)
        for slug in spec.templates(_ROOT)
        for template in [spec.load(_ROOT, slug)]
        for answers in template.answer_sets
    ]
    records.prune(_ROOT, [(template.slug, answers.name) for template, answers in every])
    found = standing.standings(_ROOT, every)
    missing = standing.missing(found)
    path = report.write(_ROOT, report.rows(found, results), missing)
    page.write(_ROOT)
    print(f"state of all templates: {path.relative_to(_ROOT)}")
    return missing


def _pairs(chosen: argparse.Namespace, answers: str) -> list[Pair]:
    every = answers == "all"
    return [
        (template, each)
        for template in (spec.load(_ROOT, slug) for slug in _slugs(chosen))
        for each in (template.answer_sets if every else [spec.answer_set(template, answers)])
    ]


def _templates(_: argparse.Namespace) -> int:
    print(json.dumps(spec.templates(_ROOT)))
    return 0


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
