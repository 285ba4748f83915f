"""What a worker process tells OpenTelemetry, where it was asked to."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Literal, TypeAlias

from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.tracing import Tracer

Wanted: TypeAlias = Literal["no", "if set up", "yes"]

ROOM = "lionherd_dist.otel_sdk"  # imported when it is wanted: it costs 0.3 s, and is an extra


@contextmanager
def exported(wanted: Wanted) -> Iterator[tuple[Recorder, Tracer | None]]:
    """A recorder and a tracer whose words are exported until the block is left; else silent ones.

    They are wanted "if set up" where a module has set the SDK up, or an OTEL_* variable says where
    words are to go; "yes" is for OpenTelemetry's own default, too.

    Raises:
        ValueError: what it needs is not installed, or not what the OTEL_* variables name.
    """
    if wanted == "no":
        yield SILENT, None
        return
    with ExitStack() as stack:
        try:
            told = stack.enter_context(import_module(ROOM).exporting(by_default=wanted == "yes"))
        except ModuleNotFoundError as error:
            if wanted == "if set up":  # without the SDK it is not
                told = SILENT, None
            else:
                raise ValueError(
                    f"--otel needs {error.name}, which is not installed. Install it with: pip "
                    'install "lionherd-dist[otel]" opentelemetry-sdk opentelemetry-exporter-otlp'
                ) from None
        yield told
