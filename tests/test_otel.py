"""The numbers through OpenTelemetry's meter, and how a worker's SDK is set up."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader

from lionherd_dist.exporting import exported
from lionherd_dist.otel import OtelRecorder
from lionherd_dist.telemetry import (
    BUCKETS_S,
    INSTRUMENTS,
    LIMITER_WAIT,
    MOST_LABELS,
    OTHERS,
    SILENT,
    SUCCEEDED,
    Instrument,
    together,
)


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    """Numbers in memory."""
    reader = InMemoryMetricReader()
    yield reader
    reader.shutdown()


def recorder_of(reader: InMemoryMetricReader) -> OtelRecorder:
    provider = MeterProvider([reader], shutdown_on_exit=False)
    return OtelRecorder(provider.get_meter("test"))


@pytest.mark.parametrize("one", INSTRUMENTS, ids=lambda one: one.name)
def test_the_meter_is_told_each_instrument_under_its_name(
    one: Instrument, reader: InMemoryMetricReader
) -> None:
    """And its values: added, set or sorted in; with the unit, where there is one."""
    recorder = recorder_of(reader)
    recorder.record(one, 5)
    recorder.record(one, 2)
    (scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
    (metric,) = scope.metrics
    assert (metric.name, metric.description) == (one.name, one.meaning)
    assert metric.unit == ("s" if one.name.endswith("_seconds") else "")
    (point,) = metric.data.data_points
    if isinstance(point, HistogramDataPoint):
        assert one.kind == "histogram"
        assert (point.sum, point.count, point.explicit_bounds) == (7, 2, BUCKETS_S)
    else:
        assert point.value == {"counter": 7, "gauge": 2}[one.kind]


def test_the_meter_is_told_of_few_labels(reader: InMemoryMetricReader) -> None:
    """Names of limiters may be made as one goes; a series is kept for each."""
    recorder = recorder_of(reader)
    for number in range(MOST_LABELS + 10):
        recorder.record(LIMITER_WAIT, 1, f"customer-{number}")
    (scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
    counts = {
        point.attributes["limiter"]: point.count
        for point in scope.metrics[0].data.data_points
        if isinstance(point, HistogramDataPoint)
    }
    assert (len(counts), counts["customer-0"], counts[OTHERS]) == (MOST_LABELS + 1, 1, 10)


def test_recorders_are_told_together() -> None:
    """Each of them; and where nobody listens, nothing is measured."""

    class Notes:
        def __init__(self) -> None:
            self.values: list[float] = []

        def record(self, instrument: Instrument, value: float = 1, label: str = "") -> None:
            self.values.append(value)

    one, other = Notes(), Notes()
    together(one, SILENT, other).record(SUCCEEDED, 3)
    assert one.values == other.values == [3]
    assert together(SILENT, one) is one
    assert together(SILENT, SILENT) is SILENT


def test_nothing_is_exported_unless_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor imported."""
    monkeypatch.setitem(sys.modules, "lionherd_dist.otel_sdk", None)
    with exported("no") as told:
        assert told == (SILENT, None)


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "", "OTEL_METRICS_EXPORTER": ""},
        {"OTEL_SDK_DISABLED": "true"},
    ],
)
def test_what_goes_nowhere_is_not_measured(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The standard variables may say so."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with exported("yes") as told:
        assert told == (SILENT, None)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "carrier-pigeon"}, "OTEL_TRACES_EXPORTER is 'carrier-pigeon'"),
        (
            {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "smoke"},
            "OTEL_METRICS_EXPORTER is 'smoke'",
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "morse"}, "the OTLP protocol is 'morse'"),
    ],
)
def test_an_exporter_that_is_not_there_is_named(
    variables: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do; nothing is set up then."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=words), exported("yes"):
        pass
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_a_missing_sdk_matters_only_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has set it up, then."""
    monkeypatch.delitem(sys.modules, "lionherd_dist.otel_sdk", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    with exported("if set up") as told:
        assert told == (SILENT, None)


ONE_OF_BOTH = """
from lionherd_dist.exporting import exported
from lionherd_dist.telemetry import SILENT

with exported("if set up") as (recorder, tracer):
    print(*(name for name, is_there in (("numbers", recorder is not SILENT), ("traces", tracer))
            if is_there))
"""


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, ""),
        ({"OTEL_TRACES_EXPORTER": "console"}, "traces"),
        ({"OTEL_METRICS_EXPORTER": "console"}, "numbers"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, "traces"),
    ],
)
def test_only_what_has_a_place_to_go_is_set_up_by_itself(
    variables: dict[str, str], words: str
) -> None:
    """OpenTelemetry's default, a collector on this machine, is for who asks for it."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_OF_BOTH],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout.partition("\n")[0]) == (0, "", words)


def test_a_missing_sdk_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is to be installed."""
    monkeypatch.delitem(sys.modules, "lionherd_dist.otel_sdk", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    with (
        pytest.raises(ValueError, match=r"pip install .* opentelemetry-sdk"),
        exported("yes"),
    ):
        pass


SET_UP_BEFORE = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from lionherd_dist.exporting import exported

own = TracerProvider()
trace.set_tracer_provider(own)
with exported("yes") as (recorder, tracer):
    assert tracer.job({}).traceparent
    assert trace.get_tracer_provider() is own
assert tracer.job({}).traceparent, "it was shut down"
"""


def test_an_sdk_that_a_module_has_set_up_is_used_as_it_is() -> None:
    """No exporter is asked for, and it is not shut down."""
    done = subprocess.run(
        [sys.executable, "-c", SET_UP_BEFORE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_without_an_sdk_the_recorder_tells_nobody() -> None:
    """The API alone takes what it is given."""
    OtelRecorder(metrics.get_meter("nobody")).record(SUCCEEDED)
