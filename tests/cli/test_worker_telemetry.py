"""``lionherd-dist worker``: the endpoint for Prometheus, OpenTelemetry, and logs."""

import json
import socket
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from .conftest import wait_until

CANARY = "canary-3141"
LISTENING = "0A"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening_at(pid: int) -> set[tuple[str, int]]:
    """Where the process *pid* listens: address in hexadecimal, and port."""
    own, found = set(), set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile, so nobody listens there
            own.add(str(file.readlink()))
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in own:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


def test_a_worker_serves_its_numbers_on_this_machine_alone(start, run, server) -> None:
    """Those of the calls that it ran; it listens nowhere else."""
    port = free_port()
    worker = start("worker", "my_tasks", *server, "--metrics-port", str(port))
    assert worker.stderr.readline().startswith(b"ready")
    assert listening_at(worker.pid) == {("0100007F", port)}
    assert run("map", "my_tasks:double", *server, stdin="1\n2\n3\n")[0] == 0

    def numbers() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return answer.read().decode()

    wait_until(lambda: "\nlionherd_calls_succeeded_total 3.0\n" in numbers(), "three results")
    assert "\nlionherd_run_seconds_count 3.0\n" in numbers()
    worker.terminate()
    assert worker.wait(40) == 0


def test_a_worker_listens_nowhere_unless_told_to(worker) -> None:
    """Not on any address."""
    assert listening_at(worker.pid) == set()


def test_metrics_tell_of_one_process(here, capsys: pytest.CaptureFixture[str]) -> None:
    """Several cannot share a port."""
    several = ("--processes", "2", "--redis", "unix:///nowhere")
    assert here("worker", "my_tasks", *several, "--metrics-port", "9464") == 2
    assert "--metrics-port tells of one process" in capsys.readouterr().err


def test_a_port_that_is_taken_is_explained(here, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is begun."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert here("worker", "my_tasks", "--redis", "unix:///no", "--metrics-port", port) == 2
    assert f"metrics cannot be served at 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_missing_extra_is_explained(
    here, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is to be installed."""
    monkeypatch.delitem(sys.modules, "lionherd_dist.prometheus", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert here("worker", "my_tasks", "--redis", "unix:///no", "--metrics-port", "9464") == 2
    assert 'pip install "lionherd-dist[prometheus]"' in capsys.readouterr().err


@pytest.mark.parametrize("processes", ["1", "2"])
def test_logs_are_objects_that_hold_no_arguments(start, run, server, processes: str) -> None:
    """Of every process; what a call was given is in none of them."""
    more = ("--log-format", "json", "--processes", processes)
    worker = start("worker", "my_tasks", *server, *more)
    lines = [worker.stderr.readline() for _ in range(int(processes) + 1)]
    status, _, _ = run("map", "my_tasks:double", *server, stdin=f'{{"{CANARY}": 1}}\n')
    assert status == 1
    worker.terminate()
    told = b"".join(lines).decode() + worker.communicate(timeout=40)[1].decode()
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert sum(one["event"] == "session begun" for one in events) == int(processes)
    (failed,) = [one for one in events if one["event"] == "call failed"]
    assert (failed["level"], failed["index"], failed["error"]) == ("warning", 0, "TypeError")
    assert CANARY not in told


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own exporters, which print what they are given."""
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"):
        monkeypatch.setenv(name, "console")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "my-workers")


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_worker_tells_opentelemetry(start, run, server, console, processes: str) -> None:
    """Every process, where the standard variables say; what is not sent yet, as it ends."""
    worker = start("worker", "my_tasks", *server, "--otel", "--processes", processes)
    assert worker.stderr.readline().startswith(b"ready")
    assert run("map", "my_tasks:double", *server, stdin="1\n2\n3\n")[0] == 0
    worker.terminate()
    told = b"".join(worker.communicate(timeout=40)).decode()
    assert worker.returncode == 0
    assert told.count('"name": "my_tasks:double"') == 3
    assert told.count('"lionherd.outcome": "succeeded"') == 3
    assert '"name": "lionherd_calls_succeeded"' in told
    assert '"service.name": "my-workers"' in told


def test_one_worker_may_tell_both(start, run, server, console) -> None:
    """The endpoint has the same numbers."""
    port = free_port()
    worker = start("worker", "my_tasks", *server, "--otel", "--metrics-port", str(port))
    assert worker.stderr.readline().startswith(b"ready")
    assert run("map", "my_tasks:double", *server, stdin="1\n")[0] == 0

    def numbers() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return answer.read().decode()

    wait_until(lambda: "\nlionherd_calls_succeeded_total 1.0\n" in numbers(), "one result")
    worker.terminate()
    assert b'"name": "lionherd_calls_succeeded"' in worker.communicate(timeout=40)[0]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_exporter_that_is_not_there_is_explained(
    here, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, processes: str
) -> None:
    """Before anything is begun, by one process as by several."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "smoke")
    options = ("--redis", "unix:///no", "--otel", "--processes", processes)
    assert here("worker", "my_tasks", *options) != 0
    assert "OTEL_TRACES_EXPORTER is 'smoke'" in capsys.readouterr().err
