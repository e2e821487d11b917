"""The state of the running service: its store, its background work and user actions."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..alerts.alertmanager import Alertmanager
from ..alerts.deliver import Deliverer, build_sinks
from ..alerts.errors import DeliveryError
from ..engine import Engine
from ..evidently_report import write
from ..incidents import acknowledge, silence
from ..records import SEVERITIES, Incident, WindowResult
from ..store import incidents, outbox, windows
from ..store.db import Database
from ..web.problems import Problem
from .loops import Loop
from .metrics import DriftCollector, Snapshot
from .reports import Reports
from .settings import Settings

R = TypeVar("R")

_THREADS = 4
"""Maximum number of requests that use the database at the same time."""

_REMINDER_INTERVAL = timedelta(minutes=1)
_METRICS_RESULTS = 20
"""Number of recent results that metrics are derived from."""


class State:
    """The running monitor.

    Args:
        settings: All settings of the service.
        database: The store; `stop` closes it.
        collector: Receives snapshots for Prometheus.
    """

    def __init__(self, settings: Settings, database: Database, collector: DriftCollector) -> None:
        self.settings = settings
        self.database = database
        self._collector = collector
        self._engine = Engine(database, settings, settings.policy)
        self._sinks = build_sinks(settings)
        self._deliverer = Deliverer(
            database, self._sinks, settings.alert_seconds, settings.alert_attempts
        )
        self._reminded_at = datetime.min.replace(tzinfo=UTC)
        self.reports = Reports(settings.data_dir / "reports", self._write_report)
        self._threads = ThreadPoolExecutor(_THREADS, "request")
        self.checks = Loop("checks", self._check, settings.check_seconds)
        self.delivery = Loop("delivery", self._deliver, min(1.0, settings.check_seconds))

    def start(self) -> None:
        """Start the checks and the delivery of alerts; resume where the last run stopped."""
        self._update_metrics()
        self.checks.start()
        self.delivery.start()

    def stop(self) -> None:
        """Finish the current work and close the store."""
        self.checks.stop()
        self.delivery.stop()
        self._threads.shutdown()
        self.database.close()

    def unready_reason(self) -> str | None:
        """Why the monitor is not ready, if so."""
        return self.checks.last_error

    async def in_thread(self, work: Callable[[], R]) -> R:
        """Run blocking work, such as database access, without blocking the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def both_stages(self, number: int) -> list[WindowResult]:
        """The results of a window's checks."""
        results = (windows.result(self.database, number, stage) for stage in ("inputs", "labels"))
        return [result for result in results if result is not None]

    def acknowledge(self, incident_id: str, who: str) -> Incident:
        """Record who is working on an incident.

        Raises:
            Problem: 404 if there is no incident with this id.
        """
        return self._change(incident_id, partial(acknowledge, who=who))

    def silence(self, incident_id: str, hours: float) -> Incident:
        """Send no alerts about an incident for some hours; 0 ends the silence.

        Raises:
            Problem: 404 if there is no incident with this id.
        """
        until = datetime.now(UTC) + timedelta(hours=hours) if hours else None
        return self._change(incident_id, partial(silence, until=until))

    def retry_alert(self, key: str) -> None:
        """Send an alert again that was given up.

        Raises:
            Problem: 404 if no such alert was given up.
        """
        with self.database.transaction() as tx:
            if not outbox.retry(tx, key, datetime.now(UTC)):
                raise Problem(404, "No alert with this key was given up.")
        self.delivery.wake()

    def _change(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        with self.database.transaction() as tx:
            incidents.lock(tx)
            incident = incidents.find(tx, incident_id)
            if incident is None:
                raise Problem(404, f"There is no incident {incident_id[:100]}.")
            incident = change(incident)
            incidents.save(tx, incident)
        return incident

    def _check(self) -> None:
        """Check all windows that are complete."""
        _ = self._engine.baseline  # report an unusable reference before the first window is due
        while not self.checks.stopping and (result := self._engine.step()) is not None:
            if result.drifted:
                self.delivery.wake()
            self._update_metrics()
        self._update_metrics()

    def _deliver(self) -> None:
        if self._deliverer.deliver():
            self._update_metrics()
        self._remind()

    def _remind(self) -> None:
        """Resend open incidents to Alertmanager, which would consider them resolved otherwise."""
        sink, now = self._sinks.get("alertmanager"), datetime.now(UTC)
        if not isinstance(sink, Alertmanager) or now - self._reminded_at < _REMINDER_INTERVAL:
            return
        with self.database.transaction() as tx:
            ongoing = [
                (incident, messages[-1].alert.text)
                for incident in incidents.open_incidents(tx)
                if not (incident.silenced_until and now < incident.silenced_until)
                and (messages := outbox.for_incident(tx, incident.id))
            ]
        try:
            sink.remind(ongoing)
        except DeliveryError:
            return  # the next round retries
        self._reminded_at = now

    def _write_report(self, number: int, folder: Path) -> Path:
        return write(self.database, self.settings, number, folder)

    def _update_metrics(self) -> None:
        """Take a new snapshot for Prometheus."""
        with self.database.transaction() as tx:
            alerts = outbox.count_by_status(tx)
            severities = [incident.severity for incident in incidents.open_incidents(tx)]
        self._collector.snapshot = Snapshot(
            results=windows.results(self.database, _METRICS_RESULTS),
            progress=windows.progress(self.database),
            open_incidents={one: severities.count(one) for one in SEVERITIES},
            alerts=alerts,
        )
