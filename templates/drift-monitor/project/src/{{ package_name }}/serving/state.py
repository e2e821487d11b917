"""What the running service shares: its store, its background work, and what people may do."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..alerts.alertmanager import Alertmanager
from ..alerts.deliver import Deliverer, sinks
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
"""Requests that may use the database at once."""

_REMIND = timedelta(minutes=1)
_LATEST = 20


class State:
    """The monitor, running.

    Args:
        settings: All of them.
        database: Closed when this is.
        collector: Gets the news for Prometheus.
    """

    def __init__(self, settings: Settings, database: Database, collector: DriftCollector) -> None:
        self.settings = settings
        self.database = database
        self._collector = collector
        self._engine = Engine(database, settings, settings.policy)
        self._sinks = sinks(settings)
        self._deliverer = Deliverer(
            database, self._sinks, settings.alert_seconds, settings.alert_attempts
        )
        self._reminded_at = datetime.min.replace(tzinfo=UTC)
        self.reports = Reports(settings.data_dir / "reports", self._write_report)
        self._threads = ThreadPoolExecutor(_THREADS, "request")
        self.checks = Loop("checks", self._check, settings.check_seconds)
        self.delivery = Loop("delivery", self._deliver, min(1.0, settings.check_seconds))

    def start(self) -> None:
        """Begin to check and to deliver, where the last run stopped."""
        self._collect()
        self.checks.start()
        self.delivery.start()

    def stop(self) -> None:
        """Finish what is under way, and close the store."""
        self.checks.stop()
        self.delivery.stop()
        self._threads.shutdown()
        self.database.close()

    def unready_reason(self) -> str | None:
        """Why the monitor is of no use now, if so."""
        return self.checks.trouble

    async def in_thread(self, work: Callable[[], R]) -> R:
        """Do what takes a while, like asking the database, while the event loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def both_stages(self, number: int) -> list[WindowResult]:
        """What the checks of a window found."""
        stages = (windows.result(self.database, number, stage) for stage in ("inputs", "labels"))
        return [found for found in stages if found is not None]

    def acknowledge(self, identity: str, who: str) -> Incident:
        """Note who is on an incident.

        Raises:
            Problem: 404 if there is none of that id.
        """
        return self._change(identity, partial(acknowledge, who=who))

    def silence(self, identity: str, hours: float) -> Incident:
        """Say nothing of an incident for some hours; with 0, speak again.

        Raises:
            Problem: 404 if there is none of that id.
        """
        until = datetime.now(UTC) + timedelta(hours=hours) if hours else None
        return self._change(identity, partial(silence, until=until))

    def revive(self, key: str) -> None:
        """Try an alert again that was given up.

        Raises:
            Problem: 404 if there is none of that key.
        """
        with self.database.transaction() as tx:
            if not outbox.revive(tx, key, datetime.now(UTC)):
                raise Problem(404, "No alert of that key was given up.")
        self.delivery.wake()

    def _change(self, identity: str, change: Callable[[Incident], Incident]) -> Incident:
        with self.database.transaction() as tx:
            incidents.lock(tx)
            incident = incidents.find(tx, identity)
            if incident is None:
                raise Problem(404, f"There is no incident {identity[:100]}.")
            incident = change(incident)
            incidents.save(tx, incident)
        return incident

    def _check(self) -> None:
        """Check all windows that are complete."""
        _ = self._engine.baseline  # a reference that cannot serve is trouble before any window is
        while not self.checks.stopping and (result := self._engine.step()) is not None:
            if result.drifted:
                self.delivery.wake()
            self._collect()
        self._collect()

    def _deliver(self) -> None:
        if self._deliverer.deliver():
            self._collect()
        self._remind()

    def _remind(self) -> None:
        """Tell an Alertmanager which incidents go on."""
        sink, now = self._sinks.get("alertmanager"), datetime.now(UTC)
        if not isinstance(sink, Alertmanager) or now - self._reminded_at < _REMIND:
            return
        with self.database.transaction() as tx:
            told = [
                (incident, letters[-1].alert.text)
                for incident in incidents.open_ones(tx)
                if not (incident.silenced_until and now < incident.silenced_until)
                and (letters := outbox.of_incident(tx, incident.id))
            ]
        try:
            sink.remind(told)
        except DeliveryError:
            return  # in a second again: those who go on waiting are told no less
        self._reminded_at = now

    def _write_report(self, number: int, folder: Path) -> Path:
        return write(self.database, self.settings, number, folder)

    def _collect(self) -> None:
        """Note for Prometheus how things are."""
        with self.database.transaction() as tx:
            letters = outbox.counts(tx)
            severities = [incident.severity for incident in incidents.open_ones(tx)]
        self._collector.snapshot = Snapshot(
            results=windows.results(self.database, _LATEST),
            progress=windows.progress(self.database),
            open_incidents={one: severities.count(one) for one in SEVERITIES},
            letters=letters,
        )
