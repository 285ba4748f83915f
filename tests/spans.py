"""Spans in memory, of OpenTelemetry's SDK, and what the page says of them."""

import re
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lionherd_dist.otel import OtelTracer

PAGE = (Path(__file__).parent.parent / "docs" / "telemetry.md").read_text()
OF = {"lionherd.job": "job", "lionherd.attach": "attach"}  # all others are of calls


class Told:
    """What was traced, and the tracer that is to be told."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = OtelTracer(self._provider.get_tracer("test"))

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all if span.name == name]

    @property
    def job(self) -> ReadableSpan:
        (job,) = self.named("lionherd.job")
        return job

    def close(self) -> None:
        """The end of the test: nothing was told that the page does not say."""
        self._provider.shutdown()
        for span in self.all:
            undocumented = set(span.attributes) - documented(OF.get(span.name, "call"))
            assert not undocumented, f"{span.name} tells {undocumented}"


def documented(kind: str) -> set[str]:
    """The attributes that docs/telemetry.md has for spans of a *kind*."""
    rows = re.findall(r"^\| `([\w.]+)` \| (all|(?:job|attach|call)[\w, ]*) \|", PAGE, re.MULTILINE)
    return {name for name, of in rows if of == "all" or kind in of.split(", ")}


def facts(span: ReadableSpan) -> dict[str, object]:
    """What a span tells, less the prefix."""
    return {name.removeprefix("lionherd."): value for name, value in span.attributes.items()}


def is_under(span: ReadableSpan, above: ReadableSpan) -> bool:
    """True if *span* is a child of *above*, in its trace."""
    same = span.context.trace_id == above.context.trace_id
    return same and span.parent is not None and span.parent.span_id == above.context.span_id
