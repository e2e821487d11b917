"""Prometheus metrics of answers, in addition to those of HTTP requests."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ..records import Answer

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class RagMetrics:
    """Counts how questions end, how long each step takes, and what the model costs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "rag_answers", "Questions by outcome", ["outcome", "cached"], registry=registry
        )
        self._steps = Histogram(
            "rag_step_seconds", "Duration of a step", ["step"], buckets=_SECONDS, registry=registry
        )
        self._confidence = Histogram(
            "rag_confidence",
            "Probability that the documents contain an answer",
            buckets=_SHARES,
            registry=registry,
        )
        self._dropped = Counter(
            "rag_dropped_sentences", "Sentences that no source supports", registry=registry
        )
        self._tokens = Counter(
            "rag_tokens", "Language model tokens", ["model", "kind"], registry=registry
        )
        self._cost = Counter("rag_cost", "Cost of the tokens", ["model"], registry=registry)
        self.model_errors = Counter(
            "rag_model_errors", "Failed language model calls", registry=registry
        )
        self.feedback = Counter(
            "rag_feedback", "User feedback on answers", ["verdict"], registry=registry
        )
        self.documents = Gauge("rag_index_documents", "Documents indexed", registry=registry)
        self.problems = Gauge(
            "rag_index_problems", "Documents that could not be read", registry=registry
        )
        for outcome in ("answered", "abstained", "refused"):
            self._answers.labels(outcome, "")  # so that rates exist before the first answer

    def step(self, name: str, seconds: float) -> None:
        """Record the duration of a step."""
        self._steps.labels(name).observe(seconds)

    def answered(self, answer: Answer) -> None:
        """Record an answer."""
        self._answers.labels(answer.outcome, answer.cached).inc()
        if answer.outcome != "refused" and not answer.cached:
            self._confidence.observe(answer.confidence)
            self._dropped.inc(len(answer.dropped))
        if usage := answer.usage if answer.usage.model else None:
            self._tokens.labels(usage.model, "input").inc(usage.input_tokens)
            self._tokens.labels(usage.model, "output").inc(usage.output_tokens)
            self._cost.labels(usage.model).inc(usage.cost)
