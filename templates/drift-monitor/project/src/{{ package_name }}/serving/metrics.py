"""What Prometheus gets to know about the monitored model, beside the traffic."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..records import Progress, WindowResult


@dataclass(frozen=True)
class Snapshot:
    """How things were after the last check; all of it comes from the store.

    Attributes:
        results: The latest, the newest last.
        progress: How far the monitor has come.
        open_incidents: Number by severity, zeros included.
        letters: (route, status) -> number of alerts.
    """

    results: Sequence[WindowResult]
    progress: Progress
    open_incidents: Mapping[str, int]
    letters: Mapping[tuple[str, str], int]


class DriftCollector(Collector):
    """Shows the newest snapshot. The numbers are the store's, so a restart does not reset them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.snapshot: Snapshot | None = None
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Give Prometheus all it asks for; nothing before the first snapshot."""
        snapshot = self.snapshot
        if snapshot is not None:
            yield from _progress(snapshot.progress)
            yield from _incidents(snapshot)
            yield from _columns(snapshot.results)
            yield from _performance(snapshot.results)


def _progress(progress: Progress) -> Iterator[Metric]:
    yield CounterMetricFamily("drift_events", "Predictions taken", progress.events)
    yield CounterMetricFamily("drift_labels", "Labels taken", progress.labels)
    yield CounterMetricFamily("drift_windows", "Windows checked", progress.windows)
    yield CounterMetricFamily("drift_quarantined", "Rows refused", progress.quarantined)
    yield GaugeMetricFamily("drift_waiting_events", "Predictions not yet checked", progress.waiting)


def _incidents(snapshot: Snapshot) -> Iterator[Metric]:
    incidents = GaugeMetricFamily(
        "drift_open_incidents", "Incidents that go on", labels=["severity"]
    )
    for severity, number in snapshot.open_incidents.items():
        incidents.add_metric([severity], number)
    yield incidents
    alerts = GaugeMetricFamily("drift_alerts", "Alerts by state", labels=["route", "status"])
    for (route, status), number in snapshot.letters.items():
        alerts.add_metric([route, status], number)
    yield alerts


def _columns(results: Sequence[WindowResult]) -> Iterator[Metric]:
    last = next((result for result in reversed(results) if result.columns), None)
    if last is None:
        return
    yield GaugeMetricFamily("drift_window", "The window checked last", last.window.number)
    at = last.checked_at.timestamp()
    yield GaugeMetricFamily("drift_checked_timestamp_seconds", "When it was checked", at)
    effect = GaugeMetricFamily(
        "drift_column_effect",
        "Change against the reference: standard deviations, or share of rows",
        labels=["column"],
    )
    flagged = GaugeMetricFamily("drift_column_flagged", "1 where that is drift", labels=["column"])
    for check in last.columns:
        effect.add_metric([check.column], check.effect)
        flagged.add_metric([check.column], float(check.flagged))
    yield effect
    yield flagged


def _performance(results: Sequence[WindowResult]) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "drift_performance",
        "Of the monitored model: as its labels show, and as it is estimated without them",
        labels=["metric", "kind"],
    )
    for kind in ("estimated", "realised"):
        found = (getattr(result, kind) for result in reversed(results))
        last = next((performance for performance in found if performance is not None), None)
        if last is not None:
            family.add_metric([last.metric, kind], last.value)
            family.add_metric([last.metric, f"{kind}-reference"], last.reference)
    yield family
