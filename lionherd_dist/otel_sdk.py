"""OpenTelemetry's SDK for a worker process, set up as the OTEL_* variables of the environment say.

Needs ``opentelemetry-sdk`` and the package of an exporter. What a program, a module of tasks or
``opentelemetry-instrument`` has set up before is used as it is.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any, Literal

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from lionherd_dist.otel import OtelRecorder, OtelTracer
from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.tracing import Tracer

Signal = Literal["traces", "metrics"]

_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


@contextmanager
def exporting(*, by_default: bool) -> Iterator[tuple[Recorder, Tracer | None]]:
    """What tells the SDK of calls, until the block is left, which sends what is not sent yet.

    Where no variable says where to, it goes *by_default* where OpenTelemetry has it, or nowhere.

    Raises:
        ValueError: an OTEL_* variable names an exporter or a protocol that is not there.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield SILENT, None
    elif not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        yield OtelRecorder(), OtelTracer()  # somebody has set it up, and sees to its end
    else:
        exporters, readers = _made("traces", by_default), _made("metrics", by_default)
        traces, meters = _tracer_provider(exporters), _meter_provider(readers)
        try:
            yield (
                SILENT if meters is None else OtelRecorder(),
                None if traces is None else OtelTracer(),
            )
        finally:
            for provider in (traces, meters):
                if provider is not None:
                    provider.shutdown()


def _tracer_provider(exporters: Sequence[SpanExporter]) -> TracerProvider | None:
    """The global one from now on; None where traces are to go nowhere."""
    if not exporters:
        return None
    provider = TracerProvider()
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def _meter_provider(exporters: Sequence[MetricExporter | MetricReader]) -> MeterProvider | None:
    """The global one from now on; None where numbers are to go nowhere."""
    if not exporters:
        return None
    provider = MeterProvider(
        [
            one if isinstance(one, MetricReader) else PeriodicExportingMetricReader(one)
            for one in exporters
        ]
    )
    metrics.set_meter_provider(provider)
    return provider


def _made(signal: Signal, by_default: bool) -> list[Any]:
    """An exporter or reader of each name in OTEL_TRACES_EXPORTER or OTEL_METRICS_EXPORTER."""
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    default = "otlp" if by_default or _has_endpoint(signal) else "none"
    made = []
    for name in map(str.strip, os.environ.get(variable, default).split(",")):
        if name in {"", "none"}:
            continue
        found = [
            point
            for entry in (_otlp(signal) if name == "otlp" else (name,))
            for point in entry_points(group=f"opentelemetry_{signal}_exporter", name=entry)
        ]
        if not found:
            raise ValueError(
                f"{variable} is {name!r}, and no such exporter is installed: install its package, "
                "opentelemetry-exporter-otlp for otlp, or name another; console and none are there"
            )
        made.append(found[0].load()())
    return made


def _has_endpoint(signal: Signal) -> bool:
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    return any(os.environ.get(name) for name in names)


def _otlp(signal: Signal) -> Sequence[str]:
    """What the exporters of the wanted protocol are called; of any, if none is wanted."""
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
    wanted = own or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if not wanted:
        return tuple(_OTLP.values())
    if wanted not in _OTLP:
        raise ValueError(f"the OTLP protocol is {wanted!r}: give one of {', '.join(_OTLP)}")
    return (_OTLP[wanted],)
