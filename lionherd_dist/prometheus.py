"""The numbers for Prometheus: an endpoint of this process, or a registry that you serve yourself.

Needs ``pip install "lionherd-dist[prometheus]"``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from lionherd_dist.telemetry import BUCKETS_S, INSTRUMENTS, Instrument, Labels

M = TypeVar("M", Counter, Gauge, Histogram)


class PrometheusRecorder:
    """A recorder that keeps the numbers in *registry*, for one worker and any clusters."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ways = {one: _way(one, registry) for one in INSTRUMENTS}

    def record(self, instrument: Instrument, value: float = 1, label: str = "") -> None:
        """Note *value*."""
        self._ways[instrument](value, label)


def _way(instrument: Instrument, registry: CollectorRegistry) -> Callable[[float, str], None]:
    name, meaning = instrument.name, instrument.meaning
    names = (instrument.label,) if instrument.label else ()
    labels = Labels()

    def of(metric: M, label: str) -> M:
        return metric.labels(labels.bounded(label)) if names else metric

    match instrument.kind:
        case "counter":
            counter = Counter(name, meaning, names, registry=registry)
            return lambda value, label: of(counter, label).inc(value)
        case "gauge":
            gauge = Gauge(name, meaning, names, registry=registry)
            return lambda value, label: of(gauge, label).set(value)
        case "histogram":
            times = Histogram(name, meaning, names, registry=registry, buckets=BUCKETS_S)
            return lambda value, label: of(times, label).observe(value)


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
