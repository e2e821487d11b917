"""Notes what happens on the way to an answer: as OpenTelemetry spans, and for the metrics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

from opentelemetry import trace
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

Watch = Callable[[str, float], None]
"""Called after each step with its name and its seconds."""

_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)
_tracer = trace.get_tracer(__name__)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell of all steps within the block."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def step(name: str, **attributes: AttributeValue) -> Iterator[Span]:
    """A step; may be nested. Attributes are named as by OpenTelemetry, with `__` for dots.

    What people wrote is never an attribute: traces are read by more people than documents are.
    """
    dotted = {key.replace("__", "."): value for key, value in attributes.items()}
    began = perf_counter()
    with _tracer.start_as_current_span(name, attributes=dotted) as span:
        try:
            yield span
        finally:
            if watch := _watch.get():
                watch(name, perf_counter() - began)


def export(url: str, service: str) -> Callable[[], None]:
    """Send all spans of this process to a collector, over OTLP and HTTP.

    Args:
        url: Of the collector, like `http://127.0.0.1:4318/v1/traces`.
        service: What this process is called there.

    Returns:
        A function that sends what is left; to be called at the end.
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
