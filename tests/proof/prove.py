"""Prove templates: each step of each answer set in turn, two answer sets at a time."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from . import images, keys, pythons, records, report, standing
from .budget import Budget, setup_seconds, step_seconds
from .domain import AnswerSet, Figures, Outcome, SkipStepError, Spec, Status, StepResult
from .records import Record
from .rendering import tree_digest
from .standing import Standing
from .steps import STEPS
from .unit import BrokenTemplateError, Unit

_SCRATCH = "p-"  # short: paths of sockets have 107 bytes
_IN_USE = ".in-use"

Listener = Callable[[StepResult], None]


@dataclass(frozen=True)
class Task:
    """Some steps of one template with one answer set."""

    spec: Spec
    answers: AnswerSet
    steps: tuple[str, ...]
    known: Mapping[str, Record]  # the last record of each step


def prove_all(  # noqa: PLR0913, each is one plain part of the job
    root: Path,
    tasks: Sequence[Task],
    *,
    tell: Listener,
    deep: bool = False,
    jobs: int = 2,
    budget: Budget | None = None,
) -> list[StepResult]:
    """Prove and record, `jobs` answer sets at a time; `tell` hears of each step as it ends.

    What the budget has no time for is not begun, and gets the status `unproved`.
    """

    def one(task: Task) -> list[StepResult]:
        with unit_for(root, task.spec, task.answers, deep=deep) as unit:
            return _prove_task(unit, task, tell, budget)

    with ThreadPoolExecutor(jobs) as pool:
        return [result for results in pool.map(one, tasks) for result in results]


@contextmanager
def unit_for(
    root: Path,
    spec: Spec,
    answers: AnswerSet,
    *,
    deep: bool = False,
    constraints: Path | None = None,
) -> Iterator[Unit]:
    """A unit with a scratch folder of its own; its results go to `.proof/`, the old ones leave."""
    results = root / ".proof" / spec.slug / answers.name
    shutil.rmtree(results / "logs", ignore_errors=True)
    results.mkdir(parents=True, exist_ok=True)
    with scratch_folder() as scratch:
        yield Unit(root, spec, answers, scratch, results, deep, constraints)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder that goes afterwards; those that killed runs have left go, too."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        if _abandoned(folder):
            images.discard(folder)
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH))
    scratch.chmod(0o711)  # servers of the tests run as other users
    with (scratch / _IN_USE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield scratch
        finally:
            images.discard(scratch)


def _abandoned(folder: Path) -> bool:
    """Whether this is a scratch folder whose process is gone, and its lock with it."""
    with suppress(OSError), (folder / _IN_USE).open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def prove_unit(unit: Unit, steps: Sequence[str], tell: Listener) -> list[StepResult]:
    """Run the steps in order; each is tried, whatever became of the one before."""
    results = []
    for name in steps:
        result = _prove_step(unit, name)
        report.save(unit.results / f"{name}.json", result)
        tell(result)
        results.append(result)
    return results


def _prove_task(unit: Unit, task: Task, tell: Listener, budget: Budget | None) -> list[StepResult]:
    results = []
    for name in task.steps:
        if budget is not None and not budget.fits(_needed(unit, task, name)):
            result = StepResult(unit.slug, unit.answers.name, name, "unproved", 0.0)
        else:
            before = _standing(unit, name)
            (result,) = prove_unit(unit, [name], tell)
            _record(unit, result, before, _standing(unit, name))
        results.append(result)
    return results


def _needed(unit: Unit, task: Task, step: str) -> float:
    """The seconds that a step is likely to need, with the set-up if that is still to be done."""
    ready = step == "render" or unit.meter.setup_seconds > 0
    return step_seconds(step, task.known) + (0.0 if ready else setup_seconds(task.known))


def _standing(unit: Unit, step: str) -> Standing | None:
    """Where a step of the unit stands, by the project that was rendered for it."""
    try:
        rendered = tree_digest(unit.rendered())
    except BrokenTemplateError:
        return None
    found = standing.of_pair(unit.root, (unit.spec, unit.answers), rendered, deep=unit.deep)
    return next(each for each in found if each.step == step)


def _record(
    unit: Unit, result: StepResult, before: Standing | None, after: Standing | None
) -> None:
    """Record a green step, unless something was edited meanwhile; forget one that failed."""
    if result.status == "failed":
        records.write(unit.root, result, None)
    elif (
        result.status == "ok"
        and before is not None
        and after is not None
        and before.inputs == after.inputs
        and keys.as_loaded(result.step)
        and pythons.oldest() == pythons.OLDEST
    ):
        record = Record(
            inputs=after.inputs,
            date=standing.today(),
            seconds=result.seconds,
            cpu_seconds=result.cpu_seconds,
            figures=_plain(result.figures),
            deep=unit.deep,
        )
        records.write(unit.root, result, record)


def _plain(figures: Figures) -> Figures:
    """Figures that YAML reads as they were written: no exponents."""
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }


def _prove_step(unit: Unit, name: str) -> StepResult:
    start = time.monotonic()
    cpu, setup = unit.meter.cpu_seconds, unit.meter.setup_seconds
    status: Status = "ok"
    outcome = Outcome()
    try:
        outcome = STEPS[name].prove(unit)
        status = "failed" if outcome.findings else "ok"
    except SkipStepError as reason:
        status, outcome = "skipped", Outcome((str(reason),))
    except BrokenTemplateError as problem:
        status, outcome = "failed", Outcome((str(problem),))
    except Exception:  # noqa: BLE001, whatever a template does to a step, the others go on
        status, outcome = "failed", Outcome((f"the step broke:\n{traceback.format_exc()}",))
    # The set-up is that of all steps, so none of them takes longer for being the first.
    spent = time.monotonic() - start - (unit.meter.setup_seconds - setup)
    return StepResult(
        template=unit.slug,
        answer_set=unit.answers.name,
        step=name,
        status=status,
        seconds=round(spent, 1),
        findings=outcome.findings,
        figures=outcome.figures,
        cpu_seconds=round(unit.meter.cpu_seconds - cpu, 1),
    )
