"""Prometheus metrics of HTTP traffic."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """Rate, errors and duration of requests, by method, route and status.

    They have their own registry: two apps in one process, as in tests, don't share metrics.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.in_flight = 0
        in_flight = Gauge(
            "http_requests_in_flight", "Requests being answered now", registry=self.registry
        )
        in_flight.set_function(lambda: self.in_flight)
        self.rejected = Counter(
            "http_requests_rejected",
            "Requests rejected before any work was done on them",
            ["reason"],
            registry=self.registry,
        )
        self._requests = Counter(
            "http_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Seconds from the first byte in to the last byte out",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        # Looking up a labelled child costs more than incrementing it.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record one answered request."""
        children = self._children.get((method, route, status))
        if children is None:
            # Clients can make up methods, and each would become a time series of its own.
            known = method if method in METHODS else "OTHER"
            children = (
                self._requests.labels(known, route, str(status)),
                self._duration.labels(known, route),
            )
            if known == method:
                self._children[method, route, status] = children
        children[0].inc()
        children[1].observe(seconds)
