"""``lionherd-dist worker``: what it says of bad modules, and how it stops."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
import redis

from lionherd_dist.embedded.server import private_server

from .conftest import is_alive, wait_until


@pytest.fixture
def server() -> Iterator[str]:
    """A private server in a thread of its own."""
    urls: list[str] = []
    started, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with private_server() as url:
            urls.append(url)
            started.set()
            await anyio.to_thread.run_sync(stop.wait)

    thread = threading.Thread(target=lambda: anyio.run(serve))
    thread.start()
    assert started.wait(20)
    yield urls[0]
    stop.set()
    thread.join(20)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_of_the_kind", "No module named 'nothing_of_the_kind'"),
        ("\n\n1 / 0", "ZeroDivisionError: division by zero"),
        ("x = 1\ndef f(:", "SyntaxError: "),
        ("import sys\nsys.exit('no')", "SystemExit: no"),
        ("def f(): ...", "broken has no task"),
    ],
)
def test_a_module_that_cannot_be_used_is_explained(
    here, folder: Path, capsys: pytest.CaptureFixture[str], source: str, message: str
) -> None:
    """The module's own error with file and line, and no traceback of ours; status 2."""
    (folder / "broken.py").write_text(source)
    assert here("worker", "broken", "--redis", "redis://user:secret@localhost:1") == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert "secret" not in told
    if "has no task" not in message:
        assert f"broken.py, line {len(source.splitlines())}" in told


def test_no_server_is_wrong_usage(here, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how to name one."""
    assert here("worker", "my_tasks") == 2
    assert "LIONHERD_REDIS_URL" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_a_worker_with_status_0(start, server: str, number: int) -> None:
    """It says when it is ready, what it runs, and ends in order."""
    process = start("worker", "my_tasks", "--redis", server, "--concurrency", "7")
    line = process.stderr.readline().decode()
    assert line.startswith("ready: 4 tasks (double, wait, fail_until, add), concurrency 7, unix://")
    process.send_signal(number)
    assert process.wait(40) == 0


def test_the_first_signal_waits_for_calls_and_the_second_does_not(
    start, server: str, folder: Path
) -> None:
    """A call longer than anybody's patience is handed back at once on the second signal."""
    worker = start("worker", "my_tasks", "--redis", server, "--grace", "300")
    worker.stderr.readline()
    client = start("map", "my_tasks:wait", "--redis", server)
    client.stdin.write(b"300\n")
    client.stdin.flush()
    wait_until((folder / "pids").exists, "the call runs")
    worker.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.3)
    worker.terminate()
    assert worker.wait(40) == 0


STUCK = """
import asyncio, time
from pathlib import Path
from lionherd_dist import task

def sleep_long():
    Path("asleep").touch()
    time.sleep(600)

@task
def in_a_thread(_): sleep_long()

@task
async def apart(_): await asyncio.to_thread(sleep_long)
"""


@pytest.fixture(params=["in_a_thread", "apart"])
def stuck(
    start, server: str, folder: Path, request: pytest.FixtureRequest
) -> "subprocess.Popen[bytes]":
    """A worker with a thread that will not end."""
    (folder / "stuck.py").write_text(STUCK)
    worker = start("worker", "stuck", "--redis", server, "--grace", "0")
    worker.stderr.readline()
    client = start("map", f"stuck:{request.param}", "--redis", server)
    client.stdin.write(b"1\n")
    client.stdin.flush()
    wait_until((folder / "asleep").exists, "the thread runs")
    return worker


def test_a_stopped_worker_does_not_wait_for_threads(stuck) -> None:
    """Neither for a task that is a plain function nor for what a coroutine left in a thread."""
    stuck.terminate()
    assert stuck.wait(40) == 0


def test_a_worker_that_cannot_go_on_does_not_wait_for_threads(stuck, server: str) -> None:
    """It says why, in one line, and ends: whoever minds it may start another."""
    with redis.Redis.from_url(server) as operator:
        operator.config_set("requirepass", "another")
        operator.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert stuck.wait(40) == 1
    assert b"refused us: Authentication required" in stuck.stderr.readlines()[-1]


def test_the_alive_file_is_touched_while_the_worker_lives(start, server: str, folder: Path) -> None:
    """Again and again, and not before the server knows the worker."""
    start("worker", "my_tasks", "--redis", "unix:///nowhere", "--alive-file", "never")
    start("worker", "my_tasks", "--redis", server, "--alive-file", "alive")
    alive = folder / "alive"
    wait_until(alive.exists, "the file is there")
    first = alive.stat().st_mtime_ns
    wait_until(lambda: alive.stat().st_mtime_ns > first, "it is touched again")
    assert not (folder / "never").exists()


def test_an_alive_file_tells_of_one_process(here, capsys: pytest.CaptureFixture[str]) -> None:
    """Several would hide each other's end."""
    several = ("--processes", "2", "--redis", "unix:///nowhere")
    assert here("worker", "my_tasks", *several, "--alive-file", "alive") == 2
    assert "--processes" in capsys.readouterr().err


def children_of(pid: int) -> set[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in text.split()}


@pytest.fixture
def several(start: Callable[..., "subprocess.Popen[bytes]"], server: str):
    """Two processes of one worker command, ready."""
    parent = start("worker", "my_tasks", "--redis", server, "--processes", "2", "--grace", "1")
    assert b"2 processes" in parent.stderr.readline()
    return parent


def test_a_crashed_process_is_started_again(several, run, server: str) -> None:
    """Nobody has to look after it."""
    victim, other = sorted(children_of(several.pid))
    subprocess.run(["kill", "-KILL", str(victim)], check=True)
    wait_until(
        lambda: len(new := children_of(several.pid) - {victim}) == 2 and other in new,
        "another process takes its place",
    )
    status, _, _ = run("map", "my_tasks:double", "--redis", server, stdin="1\n2\n")
    assert status == 0


def test_several_processes_stop_together(several) -> None:
    """One signal to the parent is enough; its status is 0 and no child is left."""
    children = children_of(several.pid)
    assert len(children) == 2
    several.terminate()
    assert several.wait(40) == 0
    assert not any(map(is_alive, children))


@pytest.mark.parametrize(("level", "logged"), [("info", True), ("warning", False)])
def test_the_log_level_says_what_is_logged(start, server, level: str, logged: bool) -> None:
    """Alone it asks for logs, too, as text on standard error."""
    worker = start("worker", "my_tasks", "--log-level", level, "--redis", server)
    lines = [worker.stderr.readline()]
    while lines[-1] and b"ready: " not in lines[-1]:
        lines.append(worker.stderr.readline())
    assert lines[-1], b"".join(lines)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert (b" INFO " in b"".join(lines) + worker.stderr.read()) is logged
