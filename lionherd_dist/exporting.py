"""What a worker process tells OpenTelemetry, where it was asked to."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module

from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.tracing import Tracer

ROOM = "lionherd_dist.otel_sdk"  # imported when it is wanted: it costs 0.3 s, and is an extra


@contextmanager
def exported(wanted: bool) -> Iterator[tuple[Recorder, Tracer | None]]:
    """A recorder and a tracer whose words are exported until the block is left; else silent ones.

    Raises:
        ValueError: what it needs is not installed, or not what the OTEL_* variables name.
    """
    if not wanted:
        yield SILENT, None
        return
    with ExitStack() as stack:
        try:
            told = stack.enter_context(import_module(ROOM).exporting())
        except ModuleNotFoundError as error:
            raise ValueError(
                f"--otel needs {error.name}, which is not installed. Install it with: "
                'pip install "lionherd-dist[otel]" opentelemetry-sdk opentelemetry-exporter-otlp'
            ) from None
        yield told
