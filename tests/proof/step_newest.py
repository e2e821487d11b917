"""Step 5, newest: tests and types hold with the newest Python, too, in the way of a CI job."""

from __future__ import annotations

from . import pythons
from .debian import need_packages
from .domain import Figures, Outcome
from .step_run import LIMITS, prepare, slack, tests_findings
from .unit import SETUP_LIMIT, Unit

# It is measured with the oldest, and takes a quarter of the time.
_NO_COVERAGE = "--no-cov -W 'ignore:Coverage disabled'"
CI = {"CI": "true", "GITHUB_ACTIONS": "true"}


def prove(unit: Unit) -> Outcome:
    """Set up with the newest Python, then with the network cut `make typecheck` and `make test`."""
    need_packages(unit.spec.packages)
    pythons.interpreter(pythons.NEWEST)
    figures: Figures = {}
    with unit.clone("newest") as folder:
        done = unit.run(
            *("make", "setup"),
            cwd=folder,
            log="newest",
            timeout=SETUP_LIMIT,
            extra=CI,
            python=pythons.NEWEST,
        )
        figures["newest_install_s"] = round(done.seconds, 1)
        if done.code != 0:
            return Outcome((_finding("setup", done.code, done.tail()),), figures)
        prepare(unit, folder)
        junit = unit.scratch / "junit-newest.xml"
        findings = []
        for target in ("typecheck", "test"):
            done = unit.run(
                *("make", target),
                cwd=folder,
                log="newest",
                timeout=LIMITS["test"] * slack() * 2,
                offline=True,
                extra=CI | {"PYTEST_ADDOPTS": f"{_NO_COVERAGE} --junitxml={junit}"},
                python=pythons.NEWEST,
            )
            if done.code != 0:
                findings.append(_finding(target, done.code, done.tail(25)))
        figures["newest_test_s"] = round(done.seconds, 1)
        counted: Figures = {}
        findings += tests_findings(unit, junit, counted)
        figures |= {f"newest_{name}": value for name, value in counted.items()}
    return Outcome(tuple(findings), figures)


def _finding(target: str, code: int | None, said: str) -> str:
    return f"with Python {pythons.NEWEST}, `make {target}` fails (exit {code}):\n{said}"
