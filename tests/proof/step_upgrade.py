"""Step 7, upgrade: repositories made with released versions come up to the current template."""

from __future__ import annotations

from .records import Outcome, SkipStepError
from .unit import Unit


def prove(unit: Unit) -> Outcome:
    """Upgrade a project of each released version."""
    released = sorted((unit.root / "releases").glob("v*.bundle"))
    if not released:
        message = "no released version yet"
        raise SkipStepError(message)
    raise NotImplementedError
