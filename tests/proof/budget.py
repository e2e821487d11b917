"""How long steps take, as far as records tell, and whether there is time for them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .records import Record
from .steps import SETUP_SECONDS, STEPS

_MARGIN = 1.25  # a step may take this much longer than last time


def step_seconds(step: str, known: Mapping[str, Record]) -> float:
    """How long a step is likely to take: as last time, else a generous guess."""
    return known[step].seconds if step in known else STEPS[step].seconds


def setup_seconds(known: Mapping[str, Record]) -> float:
    """How long the set-up is likely to take that all steps but `render` share."""
    measured = known["run"].figures.get("install_s") if "run" in known else None
    return float(measured) if measured else SETUP_SECONDS


def unit_seconds(steps: Iterable[str], known: Mapping[str, Record]) -> float:
    """How long some steps of one answer set are likely to take."""
    wanted = list(steps)
    needed = setup_seconds(known) if set(wanted) - {"render"} else 0.0
    return needed + sum(step_seconds(step, known) for step in wanted)


@dataclass(frozen=True)
class Budget:
    """The time there is, from the start of a run on."""

    until: float  # on the monotonic clock

    @classmethod
    def of(cls, minutes: float) -> Budget:
        return cls(time.monotonic() + minutes * 60)

    def left(self) -> float:
        return self.until - time.monotonic()

    def fits(self, seconds: float) -> bool:
        return seconds * _MARGIN <= self.left()
