"""The numbers for Prometheus: an endpoint of this process, or a registry that you serve yourself.

Needs ``pip install "lionherd-dist[prometheus]"``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from lionherd_dist.telemetry import BUCKETS_S, INSTRUMENTS, Instrument


class PrometheusRecorder:
    """A recorder that keeps the numbers in *registry*, for one worker and any clusters."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ways = {one: _way(one, registry) for one in INSTRUMENTS}

    def record(self, instrument: Instrument, value: float = 1) -> None:
        """Note *value*."""
        self._ways[instrument](value)


def _way(instrument: Instrument, registry: CollectorRegistry) -> Callable[[float], None]:
    name, meaning = instrument.name, instrument.meaning
    match instrument.kind:
        case "counter":
            return Counter(name, meaning, registry=registry).inc
        case "gauge":
            return Gauge(name, meaning, registry=registry).set
        case "histogram":
            return Histogram(name, meaning, registry=registry, buckets=BUCKETS_S).observe


@contextmanager
def serving(host: str, port: int) -> Iterator[PrometheusRecorder]:
    """A recorder whose numbers can be read at ``http://host:port/metrics`` until the block is left.

    Nobody is asked for a password there: *host* decides who can read.

    Raises:
        OSError: it cannot be listened on.
    """
    registry = CollectorRegistry()
    recorder = PrometheusRecorder(registry)
    server, thread = start_http_server(port, addr=host, registry=registry)
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
