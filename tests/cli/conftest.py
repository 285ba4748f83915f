"""The program as a user runs it: a process of its own, in a folder with the user's module."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lionherd_dist.cli.main import run as program

Ask = Callable[..., tuple[int, str, str]]
_numbers = itertools.count(1)

MODULE = """
import os, time
from lionherd_dist import sleep, task

@task
def double(x):
    return x * 2

@task
async def wait(seconds):
    with open("pids", "a") as pids:
        print(os.getpid(), file=pids)
    await sleep(seconds)
    return seconds

@task
def fail_until(path, times=2):
    with open(path, "a+") as marks:
        marks.write("x")
        marks.seek(0)
        if len(marks.read()) <= times:
            raise OSError("not yet")
    return "at last"

def plain(x): ...

@task
def add(a, b): ...
"""
ENDED_S = 40.0

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with ``my_tasks.py`` in it."""
    (tmp_path / "my_tasks.py").write_text(MODULE)
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts ``lionherd-dist`` with these arguments; ends what is left of it afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **options: object) -> "subprocess.Popen[bytes]":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LIONHERD_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "lionherd_dist", *arguments],
            cwd=folder,
            env=environment,
            **{**pipes, **options},  # type: ignore[call-overload]
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(ENDED_S)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()


@pytest.fixture
def run(start: Start) -> Callable[..., tuple[int, str, str]]:
    """Runs the program to its end: exit status, standard output, standard error."""

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        process = start(*arguments)
        out, err = process.communicate(stdin.encode(), timeout=ENDED_S)
        return process.returncode, out.decode(), err.decode()

    return run


def wait_until(condition: Callable[[], bool], description: str) -> None:
    """Return as soon as *condition* holds."""
    deadline = time.monotonic() + ENDED_S
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {description}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """True if the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the program in this very process, in the user's folder; its exit status."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "my_tasks", raising=False)
    monkeypatch.delenv("LIONHERD_REDIS_URL", raising=False)
    monkeypatch.delenv("LIONHERD_DEBUG", raising=False)
    return lambda *arguments: program(arguments)


@pytest.fixture
def server(redis_url: str) -> tuple[str, ...]:
    """A server, as the options that name it, and a namespace of the test's own."""
    return ("--redis", redis_url, "--namespace", f"ops-{os.getpid()}-{next(_numbers)}")


@pytest.fixture
def ask(here, capsys: pytest.CaptureFixture[str], server) -> Ask:
    """Runs a command before the server: exit status, standard output, standard error."""

    def ask(*command: str) -> tuple[int, str, str]:
        status = here(*command, *server)
        out, err = capsys.readouterr()
        return status, out, err

    return ask


@pytest.fixture
def seen(ask: Ask) -> Callable[..., dict]:
    """What a command says in JSON."""
    return lambda *command: json.loads(ask(*command, "--json")[1])


@pytest.fixture
def worker(start, server) -> "subprocess.Popen[bytes]":
    """A worker with ten slots that takes calls."""
    worker = start("worker", "my_tasks", "--concurrency", "10", *server)
    assert b"ready" in worker.stderr.readline().lower()
    return worker


@pytest.fixture
def submit(run, server) -> Callable[..., str]:
    """Submits a job of *items*, given as JSON, and tells its id."""

    def submit(task: str, *items: str, more: tuple[str, ...] = ()) -> str:
        target = task if ":" in task else f"my_tasks:{task}"
        status, out, err = run("map", target, "--detach", *more, *server, stdin="\n".join(items))
        assert (status, err) == (0, "")
        return out.strip()

    return submit
