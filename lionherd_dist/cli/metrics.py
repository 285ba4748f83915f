"""The endpoint for Prometheus, where it was asked for."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module

from lionherd_dist.cli.complaints import UsageProblemError
from lionherd_dist.telemetry import SILENT, Recorder

ROOM = "lionherd_dist.prometheus"  # imported when it is wanted: it costs 0.1 s, and is an extra


@contextmanager
def metrics_served(host: str, port: int | None) -> Iterator[Recorder]:
    """A recorder whose numbers are served until the block is left; without a *port*, a silent one.

    Raises:
        UsageProblemError: what it needs is not installed, or the port cannot be had.
    """
    if port is None:
        yield SILENT
        return
    with ExitStack() as stack:
        try:
            recorder = stack.enter_context(import_module(ROOM).serving(host, port))
        except ModuleNotFoundError as error:
            raise UsageProblemError(
                f"--metrics-port needs {error.name}, which is not installed. Install it with: "
                'pip install "lionherd-dist[prometheus]"'
            ) from None
        except OSError as error:
            raise UsageProblemError(
                f"metrics cannot be served at {host}:{port}: {error.strerror}; give another "
                "--metrics-port or --metrics-host"
            ) from None
        yield recorder
