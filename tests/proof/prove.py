"""Prove templates: each step of each answer set in turn, two answer sets at a time."""

from __future__ import annotations

import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from . import (
    images,
    report,
    step_ci,
    step_keep_up,
    step_read,
    step_render,
    step_run,
    step_ship,
    step_upgrade,
)
from .records import AnswerSet, Outcome, SkipStepError, Spec, Status, StepResult
from .unit import BrokenTemplateError, Unit

Step = Callable[[Unit], Outcome]
STEPS: dict[str, Step] = {
    "render": step_render.prove,
    "read": step_read.prove,
    "run": step_run.prove,
    "ci": step_ci.prove,
    "ship": step_ship.prove,
    "keep-up": step_keep_up.prove,
    "upgrade": step_upgrade.prove,
}
Listener = Callable[[StepResult], None]


def prove_all(  # noqa: PLR0913, each is one plain part of the job
    root: Path,
    chosen: Sequence[tuple[Spec, AnswerSet]],
    steps: Sequence[str],
    *,
    tell: Listener,
    every_event: bool = False,
    jobs: int = 2,
) -> list[StepResult]:
    """Prove the chosen answer sets, `jobs` at a time; `tell` hears of each step as it ends.

    With `every_event`, the defaults' workflows also run their scheduled jobs and all interpreters
    of their matrix. These do not depend on answers, so the other sets need not repeat them.
    """

    def one(pair: tuple[Spec, AnswerSet]) -> list[StepResult]:
        deep = every_event and not pair[1].answers
        with unit_for(root, *pair, every_event=deep) as unit:
            return prove_unit(unit, steps, tell)

    with ThreadPoolExecutor(jobs) as pool:
        return [result for results in pool.map(one, chosen) for result in results]


@contextmanager
def unit_for(
    root: Path,
    spec: Spec,
    answers: AnswerSet,
    *,
    every_event: bool = False,
    constraints: Path | None = None,
) -> Iterator[Unit]:
    """A unit with a scratch folder of its own; its results go to `.proof/`, the old ones leave."""
    results = root / ".proof" / spec.slug / answers.name
    shutil.rmtree(results / "logs", ignore_errors=True)
    results.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="p-"))  # short: paths of sockets have 107 bytes
    scratch.chmod(0o711)  # servers of the tests run as other users
    try:
        yield Unit(root, spec, answers, scratch, results, every_event, constraints)
    finally:
        images.discard(scratch)


def prove_unit(unit: Unit, steps: Sequence[str], tell: Listener) -> list[StepResult]:
    """Run the steps in order; each is tried, whatever became of the one before."""
    results = []
    for name in steps:
        result = _prove_step(unit, name)
        report.save(unit.results / f"{name}.json", result)
        tell(result)
        results.append(result)
    return results


def _prove_step(unit: Unit, name: str) -> StepResult:
    start = time.monotonic()
    status: Status = "ok"
    outcome = Outcome()
    try:
        outcome = STEPS[name](unit)
        status = "failed" if outcome.findings else "ok"
    except SkipStepError as reason:
        status, outcome = "skipped", Outcome((str(reason),))
    except BrokenTemplateError as problem:
        status, outcome = "failed", Outcome((str(problem),))
    except Exception:  # noqa: BLE001, whatever a template does to a step, the others go on
        status, outcome = "failed", Outcome((f"the step broke:\n{traceback.format_exc()}",))
    return StepResult(
        template=unit.slug,
        answer_set=unit.answers.name,
        step=name,
        status=status,
        seconds=round(time.monotonic() - start, 1),
        findings=outcome.findings,
        figures=outcome.figures,
    )
