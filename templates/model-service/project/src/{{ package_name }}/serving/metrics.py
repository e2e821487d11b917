"""What Prometheus gets to know about the model, beside the traffic."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS = (0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5)


class ModelMetrics:
    """What the model answers, on what, how fast, and which model it is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.predictions = Counter(
            "model_predictions", "Rows answered, by predicted label", ["label"], registry=registry
        )
        self.out_of_range = Counter(
            "model_out_of_range",
            "Values outside of what training saw, by feature",
            ["feature"],
            registry=registry,
        )
        self.inference = Histogram(
            "model_inference_seconds",
            "Seconds in the model, per request",
            buckets=BUCKETS,
            registry=registry,
        )
        self.info = Gauge(
            "model_info",
            "Always 1; says which model serves",
            ["version", "dataset"],
            registry=registry,
        )
        self.swaps = Counter(
            "model_swaps", "Attempts to change the model", ["result"], registry=registry
        )
        for result in ("done", "refused"):
            self.swaps.labels(result)  # so that a rate exists before the first attempt
