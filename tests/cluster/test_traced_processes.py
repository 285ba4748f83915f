"""Spans and numbers of real worker processes, as a collector gets them."""

import importlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import anyio
import pytest
import tasks
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import format_span_id, format_trace_id
from spans import Told

from lionherd_dist import LocalCluster, Settings

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parent.parent
LEAVES_ONCE = """
import os
from pathlib import Path
from lionherd_dist import task

@task
async def leave_once(path: str) -> int:
    if Path(path).exists():
        return os.getpid()
    Path(path).touch()
    os._exit(9)
"""
SETS_UP = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from lionherd_dist import task

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

@task(name="tasks:double")
async def double(n: int) -> int:
    return 2 * n
"""


class Collector:
    """One that is told over OTLP, at *url*."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.numbers: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: standard error is looked at."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
        else:
            for metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope_metrics in metrics.scope_metrics:
                    self.numbers.update(one.name for one in scope_metrics.metrics)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Where the environment says that words go."""
    collector = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    yield collector
    collector.close()


def module(name: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module *name*, as workers import it, too."""
    (folder / f"{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module(name)


def facts(span: Span) -> dict[str, object]:
    return {
        one.key.removeprefix("lionherd."): getattr(one.value, str(one.value.WhichOneof("value")))
        for one in span.attributes
    }


async def test_a_job_is_one_trace_over_all_of_its_processes(
    collector: Collector, told: Told
) -> None:
    """A job of a call is under it, on whichever worker; the numbers arrive as well."""
    async with LocalCluster("tasks", workers=2, tracer=told.tracer) as cluster:
        assert await cluster.gather(*map(tasks.asks_back.call, range(3))) == [0, 2, 4]
    context = told.job.context
    of_id = {span.span_id: span for span in collector.spans}
    names = sorted(span.name for span in collector.spans)
    assert names == ["lionherd.job"] * 3 + ["tasks:asks_back"] * 3 + ["tasks:double"] * 3
    above_of = {"tasks:double": "lionherd.job", "lionherd.job": "tasks:asks_back"}
    for span in collector.spans:
        assert span.trace_id.hex() == format_trace_id(context.trace_id)
        if span.name == "tasks:asks_back":
            assert span.parent_span_id.hex() == format_span_id(context.span_id)
        else:
            assert of_id[span.parent_span_id].name == above_of[span.name]
    assert {"lionherd_calls_succeeded", "lionherd_run_seconds"} <= collector.numbers


async def test_a_call_whose_process_ended_goes_on_in_its_trace(
    collector: Collector, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt that died told nothing; the next one says that one died."""
    leaving = module("leaving_tasks", LEAVES_ONCE, tmp_path, monkeypatch)
    quick = Settings(session_s=1)
    async with LocalCluster(
        "leaving_tasks", workers=2, settings=quick, tracer=told.tracer
    ) as cluster:
        with anyio.fail_after(30):
            assert await cluster.run(leaving.leave_once.call(str(tmp_path / "left"))) > 0
    (span,) = collector.spans
    assert span.parent_span_id.hex() == format_span_id(told.job.context.span_id)
    assert span.trace_id.hex() == format_trace_id(told.job.context.trace_id)
    assert (facts(span)["deaths"], facts(span)["outcome"]) == (1, "succeeded")


async def test_workers_use_what_their_module_has_set_up(
    told: Told,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever the environment says, or does not."""
    (tmp_path / "watched_tasks.py").write_text(SETS_UP)
    monkeypatch.syspath_prepend(tmp_path)
    async with LocalCluster("watched_tasks", workers=1, tracer=told.tracer) as cluster:
        assert await cluster.run(tasks.double.call(2)) == 4
    said = capsys.readouterr().err
    assert said.count('"name": "tasks:double"') == 1
    assert f'"parent_id": "0x{format_span_id(told.job.context.span_id)}"' in said


@pytest.mark.parametrize("traced", [False, True])
async def test_workers_of_a_program_are_silent_unless_both_are_wanted(
    told: Told,
    collector: Collector,
    traced: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A tracer, and a place to tell it to; one without the other is no error."""
    if traced:
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    tracer = told.tracer if traced else None
    async with LocalCluster("tasks", workers=1, tracer=tracer) as cluster:
        assert await cluster.run(tasks.double.call(2)) == 4
    assert (collector.spans, collector.numbers) == ([], set())
    assert capsys.readouterr().err == ""
