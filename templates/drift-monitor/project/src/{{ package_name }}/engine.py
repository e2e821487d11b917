"""The monitor's heart: takes the next window, checks it, and writes down all that follows from it.

What a step writes is one transaction: the result, the mark that the window is done, the incident
and the alerts to send hold together or not at all. So the process may die at any moment, and the
next one goes on where this one stopped, with no window left out or counted twice.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

from . import baseline
from .baseline import Baseline, BaselineError
from .calibration import Calibrator
from .detect import Policy, check_inputs, check_labels
from .frame import from_predictions
from .incidents import Policy as IncidentPolicy
from .records import WindowResult
from .settings import MonitorSettings
from .sources import open_source
from .store import events, incidents, windows
from .store.db import Database

logger = logging.getLogger(__name__)


def load_baseline(settings: MonitorSettings) -> Baseline:
    """The reference of the settings, prepared.

    Raises:
        BaselineError: It cannot serve as one.
        SourceError: It cannot be read.
    """
    path = settings.reference
    if not path.is_file():
        raise BaselineError(
            f"{path}: no such file\nThe reference (APP_REFERENCE) is a Parquet or CSV file of "
            "predictions from when all was well"
        )
    table = open_source(str(path), settings.task, settings.names)
    return baseline.fit(table, settings.task, settings.seed)


class Engine:
    """Checks windows, one a step.

    Args:
        database: Where events are, and where all that follows from them goes.
        settings: What is monitored and how.
        policy: When incidents end and who hears of them.
        clock: The time; given by tests.
    """

    def __init__(
        self,
        database: Database,
        settings: MonitorSettings,
        policy: IncidentPolicy,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._settings = settings
        self._incidents = policy
        self._clock = clock
        self._policy = Policy(settings.false_alarms, settings.min_effect, settings.seed)
        self._rules = windows.Rules(
            settings.window_rows,
            settings.window_seconds,
            settings.min_rows,
            settings.label_share,
            settings.label_seconds,
        )

    @cached_property
    def baseline(self) -> Baseline:
        """What is normal; read and prepared when it is first needed."""
        return load_baseline(self._settings)

    @cached_property
    def _calibrator(self) -> Calibrator:
        return Calibrator(self.baseline, self._settings.seed, self._settings.cache_dir)

    def step(self) -> WindowResult | None:
        """Make the next check that is due; None when there is nothing to do.

        Raises:
            BaselineError: The reference cannot serve as one.
            SourceError: The reference cannot be read.
        """
        result = self._inputs() or self._labels()
        if result is None:
            return None
        with self._database.transaction() as tx:
            windows.lock(tx)
            if not windows.is_due(tx, result.window, result.stage):
                return result  # another process was quicker, and has written the same
            windows.record(tx, result)
            incidents.record(tx, result, self._incidents)
        facts = {"window": result.window.number, "stage": result.stage, "found": result.summary}
        logger.log(
            logging.WARNING if result.drifted else logging.INFO, "checked", extra={"facts": facts}
        )
        return result

    def _inputs(self) -> WindowResult | None:
        with self._database.transaction() as tx:
            window = windows.next_window(tx, self._rules, self._clock())
            if window is None:
                return None
            rows = events.between(tx, window.first, window.last)
            labels = windows.latest(tx, "labels")
        frame = from_predictions(self.baseline.schema, *rows[:2])
        window = replace(window, labelled=sum(rows[2]))
        calibration = self._calibrator.inputs(window.rows)
        result = check_inputs(self.baseline, calibration, frame, window, self._policy)
        return replace(_cautioned(result, labels), checked_at=self._clock())

    def _labels(self) -> WindowResult | None:
        if self.baseline.losses is None:
            return None
        with self._database.transaction() as tx:
            window = windows.next_labelled(tx, self._rules, self._clock())
            if window is None:
                return None
            rows = events.between(tx, window.first, window.last)
        frame = from_predictions(self.baseline.schema, *rows[:2])
        calibration = self._calibrator.labels(window.labelled)
        result = check_labels(self.baseline, calibration, frame, window, self._policy)
        return replace(result, checked_at=self._clock())


def _cautioned(result: WindowResult, last: WindowResult | None) -> WindowResult:
    """The result, with a warning if labels have shown that its estimate misses something."""
    if result.estimated is None or last is None or not (last.concept and last.concept.flagged):
        return result
    warning = (
        f"The labels of window {last.window.number} show that the concept has changed: "
        "what the model has learned no longer holds, which an estimate cannot see."
    )
    warnings = (warning, *result.estimated.warnings)
    return replace(result, estimated=replace(result.estimated, warnings=warnings))
