"""Traces and numbers for OpenTelemetry, through its API: a tracer and a recorder.

Needs ``pip install "lionherd-dist[otel]"``. Where they go is for the SDK that your program has set
up: without one, nothing is told, and nothing travels with a call.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from opentelemetry import context, metrics, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lionherd_dist.telemetry import BUCKETS_S, INSTRUMENTS, Instrument, Labels
from lionherd_dist.tracing import Facts

SCOPE = "lionherd_dist"
_TRACEPARENT = "traceparent"
_NOWHERE = context.Context()
_W3C = TraceContextTextMapPropagator()


class OtelRecorder:
    """A recorder that tells *meter*; unless given, that of the global provider."""

    def __init__(self, meter: metrics.Meter | None = None) -> None:
        meter = meter or metrics.get_meter(SCOPE)
        self._ways = {one: _way(one, meter) for one in INSTRUMENTS}

    def record(self, instrument: Instrument, value: float = 1, label: str = "") -> None:
        """Note *value*."""
        self._ways[instrument](value, label)


def _way(instrument: Instrument, meter: metrics.Meter) -> Callable[[float, str], None]:
    tell, labels = _unlabelled(instrument, meter), Labels()

    def tell_labelled(value: float, label: str) -> None:
        tell(value, {instrument.label: labels.bounded(label)})

    return tell_labelled if instrument.label else lambda value, _: tell(value)


def _unlabelled(instrument: Instrument, meter: metrics.Meter) -> Callable[..., None]:
    name, meaning = instrument.name, instrument.meaning
    match instrument.kind:
        case "counter":
            return meter.create_counter(name, description=meaning).add
        case "gauge":
            return meter.create_gauge(name, description=meaning).set
        case "histogram":
            return meter.create_histogram(
                name, "s", meaning, explicit_bucket_boundaries_advisory=BUCKETS_S
            ).record


class OtelTracer:
    """A tracer of jobs and calls that tells *tracer*; unless given, that of the global provider."""

    def __init__(self, tracer: trace.Tracer | None = None) -> None:
        self._tracer = tracer or trace.get_tracer(SCOPE)

    def job(self, facts: Facts) -> "OtelSpan":
        """A span under the one that is current here; it does not become the current one."""
        return OtelSpan(
            self._tracer.start_span(
                "lionherd.job", kind=trace.SpanKind.PRODUCER, attributes=_attributes(facts)
            )
        )

    def attach(self, facts: Facts) -> "OtelSpan":
        """A span under the one that is current here, as that of a job."""
        return OtelSpan(
            self._tracer.start_span(
                "lionherd.attach", kind=trace.SpanKind.CONSUMER, attributes=_attributes(facts)
            )
        )

    def call(self, task: str, traceparent: str, facts: Facts) -> "OtelSpan":
        """A span under the job's, in its trace."""
        return OtelSpan(
            self._tracer.start_span(
                task,
                context=_W3C.extract({_TRACEPARENT: traceparent}, _NOWHERE),
                kind=trace.SpanKind.CONSUMER,
                attributes=_attributes(facts),
            )
        )


class OtelSpan:
    """One span of OpenTelemetry."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """What names it in other processes; "" if no SDK is set up."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(self._span, _NOWHERE))
        return carrier.get(_TRACEPARENT, "")

    def current(self) -> AbstractContextManager[object]:
        """A block in which it is the current span; what the block raises is none of its facts."""
        return trace.use_span(
            self._span, record_exception=False, set_status_on_exception=False, end_on_exit=False
        )

    def end(self, facts: Facts, error: BaseException | None = None) -> None:
        """Tell *facts*, and of an *error* its class alone: its message may hold anything."""
        self._span.set_attributes(_attributes(facts))
        if isinstance(error, Exception):
            self._span.set_attribute("error.type", type(error).__qualname__)
            self._span.set_status(trace.StatusCode.ERROR, type(error).__qualname__)
        self._span.end()


def _attributes(facts: Facts) -> dict[str, str | int]:
    return {f"lionherd.{name}": value for name, value in facts.items()}
