"""The engine: takes the next window, checks it, and stores the result and its consequences.

Each step is one transaction. The result, the progress, the incident and the alerts to send are
committed together or not at all. The process may therefore die at any moment, and the next one
resumes without skipping a window or counting it twice.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

from . import baseline
from .baseline import Baseline, BaselineError
from .calibration import Calibrator
from .detect import DetectionPolicy, check_inputs, check_labels
from .frame import from_predictions
from .incidents import IncidentPolicy
from .records import WindowResult
from .settings import MonitorSettings
from .sources import open_source
from .store import events, incidents, windows
from .store.db import Database

logger = logging.getLogger(__name__)


def load_baseline(settings: MonitorSettings) -> Baseline:
    """Load and prepare the reference that the settings name.

    Raises:
        BaselineError: The reference is missing or cannot be used.
        SourceError: The reference cannot be read.
    """
    path = settings.reference
    if not path.is_file():
        raise BaselineError(
            f"{path}: no such file\nThe reference (APP_REFERENCE) is a Parquet or CSV file with "
            "predictions from a period without drift"
        )
    table = open_source(str(path), settings.task, settings.names)
    return baseline.fit(table, settings.task, settings.seed)


class Engine:
    """Checks windows, one per step.

    Args:
        database: The store of events, results, incidents and alerts.
        settings: What is monitored and how.
        policy: When incidents are resolved and who is notified.
        clock: Returns the current time; tests replace it.
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
        self._incident_policy = policy
        self._clock = clock
        self._detection_policy = DetectionPolicy(
            settings.false_alarms, settings.min_effect, settings.seed
        )
        self._rules = windows.Rules(
            settings.window_rows,
            settings.window_seconds,
            settings.min_rows,
            settings.label_share,
            settings.label_seconds,
        )

    @cached_property
    def baseline(self) -> Baseline:
        """The reference; loaded and prepared when it is first needed."""
        return load_baseline(self._settings)

    @cached_property
    def _calibrator(self) -> Calibrator:
        return Calibrator(self.baseline, self._settings.seed, self._settings.cache_dir)

    def step(self) -> WindowResult | None:
        """Run the next check that is due; return None if there is none.

        Raises:
            BaselineError: The reference is missing or cannot be used.
            SourceError: The reference cannot be read.
        """
        result = self._check_inputs() or self._check_labels()
        if result is None:
            return None
        with self._database.transaction() as tx:
            windows.lock(tx)
            if not windows.is_due(tx, result.window, result.stage):
                return result  # another process was faster and stored the same result
            windows.record(tx, result)
            incidents.record(tx, result, self._incident_policy)
        facts = {"window": result.window.number, "stage": result.stage, "found": result.summary}
        logger.log(
            logging.WARNING if result.drifted else logging.INFO, "checked", extra={"facts": facts}
        )
        return result

    def _check_inputs(self) -> WindowResult | None:
        with self._database.transaction() as tx:
            window = windows.next_window(tx, self._rules, self._clock())
            if window is None:
                return None
            rows = events.between(tx, window.first, window.last)
            labels = windows.latest(tx, "labels")
        frame = from_predictions(self.baseline.schema, *rows[:2])
        window = replace(window, labelled=sum(rows[2]))
        calibration = self._calibrator.inputs(window.rows)
        result = check_inputs(self.baseline, calibration, frame, window, self._detection_policy)
        return replace(_with_concept_warning(result, labels), checked_at=self._clock())

    def _check_labels(self) -> WindowResult | None:
        if self.baseline.losses is None:
            return None
        with self._database.transaction() as tx:
            window = windows.next_labelled(tx, self._rules, self._clock())
            if window is None:
                return None
            rows = events.between(tx, window.first, window.last)
        frame = from_predictions(self.baseline.schema, *rows[:2])
        calibration = self._calibrator.labels(window.labelled)
        result = check_labels(self.baseline, calibration, frame, window, self._detection_policy)
        return replace(result, checked_at=self._clock())


def _with_concept_warning(result: WindowResult, last: WindowResult | None) -> WindowResult:
    """Add a warning to the estimate if the latest labels have shown concept drift."""
    if result.estimated is None or last is None or not (last.concept and last.concept.flagged):
        return result
    warning = (
        f"The labels of window {last.window.number} show concept drift: what the model has learned "
        "no longer holds, and an estimate without labels cannot detect that."
    )
    warnings = (warning, *result.estimated.warnings)
    return replace(result, estimated=replace(result.estimated, warnings=warnings))
