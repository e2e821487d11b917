"""Traces the steps of answering a question: OpenTelemetry spans, and durations for the metrics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

from opentelemetry import trace
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

StepObserver = Callable[[str, float], None]
"""Called after each step with its name and its duration in seconds."""

_observer: ContextVar[StepObserver | None] = ContextVar("observer", default=None)
_tracer = trace.get_tracer(__name__)


@contextmanager
def observe_steps(observer: StepObserver) -> Iterator[None]:
    """Call the observer after each step within the block."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


@contextmanager
def step(name: str, **attributes: AttributeValue) -> Iterator[Span]:
    """Trace a step; steps may be nested.

    Attributes have OpenTelemetry's names, with `__` in place of dots. What users write is never an
    attribute: more people may read traces than documents.
    """
    dotted = {key.replace("__", "."): value for key, value in attributes.items()}
    started = perf_counter()
    with _tracer.start_as_current_span(name, attributes=dotted) as span:
        try:
            yield span
        finally:
            if observer := _observer.get():
                observer(name, perf_counter() - started)


def export_spans(url: str, service: str) -> Callable[[], None]:
    """Send all spans of this process to a collector, with OTLP over HTTP.

    Args:
        url: The collector's endpoint, like `http://127.0.0.1:4318/v1/traces`.
        service: The service name that the spans get.

    Returns:
        A function to call at shutdown; it sends the remaining spans.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - heavy
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    trace.set_tracer_provider(provider)
    return provider.shutdown
