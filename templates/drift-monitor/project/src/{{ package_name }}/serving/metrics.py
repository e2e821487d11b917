"""Prometheus metrics about the monitored model, in addition to the HTTP metrics."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..records import Progress, WindowResult


@dataclass(frozen=True)
class Snapshot:
    """The state after the last check; all of it comes from the store.

    Attributes:
        results: The most recent results, newest last.
        progress: Counts of rows and windows.
        open_incidents: Number of open incidents by severity, including zeros.
        alerts: Number of alerts by (route, status).
    """

    results: Sequence[WindowResult]
    progress: Progress
    open_incidents: Mapping[str, int]
    alerts: Mapping[tuple[str, str], int]


class DriftCollector(Collector):
    """Exports the latest snapshot; counters come from the store, so they survive a restart."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.snapshot: Snapshot | None = None
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; none before the first snapshot."""
        snapshot = self.snapshot
        if snapshot is not None:
            yield from _progress(snapshot.progress)
            yield from _incidents(snapshot)
            yield from _columns(snapshot.results)
            yield from _performance(snapshot.results)


def _progress(progress: Progress) -> Iterator[Metric]:
    yield CounterMetricFamily("drift_events", "Predictions received", progress.events)
    yield CounterMetricFamily("drift_labels", "Labels received", progress.labels)
    yield CounterMetricFamily("drift_windows", "Windows checked", progress.windows)
    yield CounterMetricFamily("drift_quarantined", "Rows in quarantine", progress.quarantined)
    yield GaugeMetricFamily("drift_waiting_events", "Predictions not yet checked", progress.waiting)


def _incidents(snapshot: Snapshot) -> Iterator[Metric]:
    incidents = GaugeMetricFamily("drift_open_incidents", "Open incidents", labels=["severity"])
    for severity, number in snapshot.open_incidents.items():
        incidents.add_metric([severity], number)
    yield incidents
    alerts = GaugeMetricFamily("drift_alerts", "Alerts by status", labels=["route", "status"])
    for (route, status), number in snapshot.alerts.items():
        alerts.add_metric([route, status], number)
    yield alerts


def _columns(results: Sequence[WindowResult]) -> Iterator[Metric]:
    last = next((result for result in reversed(results) if result.columns), None)
    if last is None:
        return
    yield GaugeMetricFamily("drift_window", "Most recently checked window", last.window.number)
    at = last.checked_at.timestamp()
    yield GaugeMetricFamily("drift_checked_timestamp_seconds", "Time of that check", at)
    effect = GaugeMetricFamily(
        "drift_column_effect",
        "Change from the reference, in standard deviations or as a share of rows",
        labels=["column"],
    )
    flagged = GaugeMetricFamily(
        "drift_column_flagged", "1 if the column has drifted", labels=["column"]
    )
    for check in last.columns:
        effect.add_metric([check.column], check.effect)
        flagged.add_metric([check.column], float(check.flagged))
    yield effect
    yield flagged


def _performance(results: Sequence[WindowResult]) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "drift_performance",
        "Performance of the monitored model: measured with labels, or estimated without",
        labels=["metric", "kind"],
    )
    for kind in ("estimated", "realised"):
        found = (getattr(result, kind) for result in reversed(results))
        last = next((performance for performance in found if performance is not None), None)
        if last is not None:
            family.add_metric([last.metric, kind], last.value)
            family.add_metric([last.metric, f"{kind}-reference"], last.reference)
    yield family
