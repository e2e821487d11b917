"""Prometheus metrics of the model."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS = (0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5)


class ModelMetrics:
    """Predictions, unusual inputs, inference time, and the model being served."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.predictions = Counter(
            "model_predictions", "Predicted rows, by label", ["label"], registry=registry
        )
        self.out_of_range = Counter(
            "model_out_of_range",
            "Values outside the range seen in training, by feature",
            ["feature"],
            registry=registry,
        )
        self.inference = Histogram(
            "model_inference_seconds",
            "Seconds of inference per request",
            buckets=BUCKETS,
            registry=registry,
        )
        self.info = Gauge(
            "model_info",
            "Always 1; the labels identify the model being served",
            ["version", "dataset"],
            registry=registry,
        )
        self.swaps = Counter(
            "model_swaps", "Attempts to swap the model", ["result"], registry=registry
        )
        for result in ("done", "refused"):
            self.swaps.labels(result)  # so that a rate exists before the first attempt
