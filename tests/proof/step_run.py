"""Step 3, run: a newcomer's first minutes, from a fresh clone, with the network cut."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree as ET

from .debian import need_packages
from .domain import Figures, Outcome
from .unit import Unit, git

LIMITS = {"demo": 300.0, "test": 180.0}  # seconds; the contract gives the tests three minutes
CORES = 2  # of the machine that the contract speaks of
COVERAGE = 90.0
_CHECK_LIMIT = 300.0
_HARD = 2  # a command is ended only at this multiple of its limit, so that its time is known


def prove(unit: Unit) -> Outcome:
    """`make setup`, then offline: `make demo`, `make test`, coverage, the end-to-end check."""
    need_packages(unit.spec.packages)
    folder = unit.installed()
    findings: list[str] = []
    figures: Figures = {"install_s": round(unit.meter.setup_seconds, 1)}
    prepare(unit, folder)
    findings += _timed(unit, folder, "demo", figures)
    junit = unit.scratch / "junit.xml"
    report = {"PYTEST_ADDOPTS": f"--junitxml={junit}"}
    findings += _timed(unit, folder, "test", figures, report)
    findings += tests_findings(unit, junit, figures)
    findings += _coverage_findings(unit, folder, figures)
    if dirty := git("-C", str(folder), "status", "--porcelain").strip():
        findings.append(f"`make demo` and `make test` leave changes in the clone:\n{dirty}")
    checked = end_to_end(unit, folder)
    return Outcome((*findings, *checked.findings), figures | checked.figures)


def slack() -> float:
    """How much slower than the contract's idle two cores this machine is right now."""
    return float(os.environ.get("PROOF_SLACK", "1"))


def _timed(
    unit: Unit,
    folder: Path,
    target: str,
    figures: Figures,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    limit = LIMITS[target]
    hard = limit * slack() * _HARD
    done = unit.run("make", target, cwd=folder, log=target, timeout=hard, offline=True, extra=extra)
    figures[f"{target}_s"] = round(done.seconds, 1)
    figures[f"{target}_cpu_s"] = round(done.cpu_seconds, 1)
    if done.code is None:
        yield f"`make {target}` did not end within {hard:.0f} s:\n{done.tail()}"
    elif done.code != 0:
        yield f"`make {target}` fails with the network cut (exit {done.code}):\n{done.tail(25)}"
    elif done.seconds > limit * slack():
        yield f"`make {target}` took {done.seconds:.0f} s, the limit is {limit * slack():.0f} s"
    if done.cpu_seconds > limit * CORES:
        # Whatever else the machine does, a command that needs so much can't keep to its time.
        yield (
            f"`make {target}` used {done.cpu_seconds:.0f} CPU seconds: on {CORES} idle cores that "
            f"is {done.cpu_seconds / CORES:.0f} s or more, the limit is {limit:.0f} s"
        )
    if done.left_running:
        yield f"`make {target}` left processes running"
    if done.code == 0 and not done.output.strip():
        yield f"`make {target}` prints nothing"


def tests_findings(unit: Unit, junit: Path, figures: Figures) -> Iterator[str]:
    """Tests were run, and those that were skipped said why, for a reason that is allowed."""
    if not junit.exists():
        yield "`make test` did not run pytest (no report was written)"
        return
    cases = list(ET.parse(junit).iter("testcase"))  # noqa: S314, written by our own run
    reasons = [skip.get("message", "") for case in cases for skip in case.iter("skipped")]
    figures["tests"] = len(cases) - len(reasons)
    if not cases:
        yield "`make test` runs no test"
    for reason in sorted(set(reasons)):
        if not any(re.search(pattern, reason) for pattern in unit.spec.skips):
            yield f"a test was skipped: {reason}"


def _coverage_findings(unit: Unit, folder: Path, figures: Figures) -> Iterator[str]:
    report = unit.scratch / "coverage.json"
    command = [".venv/bin/python", "-m", "coverage", "json", "--quiet", "-o", str(report)]
    done = unit.run(*command, cwd=folder, log="coverage")
    if not report.exists():
        yield f"`make test` measured no coverage:\n{done.tail(3)}"
        return
    data = json.loads(report.read_text())
    covered = round(data["totals"]["percent_statements_covered"], 1)
    figures["coverage_pct"] = covered
    if covered < COVERAGE:
        yield f"the tests cover {covered} % of lines, {COVERAGE:.0f} % are wanted"
    measured = {Path(name).as_posix() for name in data["files"]}
    for path in sorted((folder / "src").rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if path.stat().st_size and name not in measured:
            yield f"{name} is left out of coverage"


def check_script(unit: Unit) -> Path:
    """The end-to-end check of the template: the harness's, not the template's."""
    return unit.root / "tests" / "proof" / "e2e" / f"{unit.slug.replace('-', '_')}.py"


def prepare(unit: Unit, folder: Path) -> None:
    """Give the project the data that its answers ask for (files that people would download)."""
    script = check_script(unit)
    if script.exists():
        unit.run(sys.executable, str(script), "prepare", str(folder), cwd=folder, log="e2e")


def end_to_end(unit: Unit, folder: Path, *options: str, offline: bool = True) -> Outcome:
    """Run the check against the project in `folder`, or against what answers at `--url`."""
    script = check_script(unit)
    if not script.exists():
        name = script.relative_to(unit.root)
        return Outcome((f"{name} is missing: each template has a check that the harness owns",))
    done = unit.run(
        *(sys.executable, str(script), "check", str(folder), *options),
        cwd=folder,
        log="e2e",
        timeout=_CHECK_LIMIT * slack(),
        offline=offline,
    )
    try:
        said = json.loads(done.output.strip().splitlines()[-1])
        findings = tuple(f"end to end: {each}" for each in said["findings"])
        figures = dict(said["figures"])
    except (IndexError, ValueError, KeyError, TypeError):
        return Outcome((f"end to end: the check broke (exit {done.code}):\n{done.tail()}",))
    if done.code != 0 and not findings:
        return Outcome((f"end to end: exit {done.code}",), figures)
    return Outcome(findings, figures)
