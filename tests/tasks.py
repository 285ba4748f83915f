"""Tasks for the tests. Where a worker runs in the test's own process, the events here steer it."""

import asyncio
import enum
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from lionherd_dist import (
    DecodeError,
    Retry,
    current_cluster,
    current_time,
    effective_deadline,
    sendable,
    sleep,
    task,
)


@dataclass
class Stage:
    """What a test sees of the tasks that run in its own process, and how it holds them."""

    started: list[object] = field(default_factory=list)
    cleaned: list[object] = field(default_factory=list)
    running: int = 0
    most: int = 0
    attempts: dict[object, int] = field(default_factory=dict)
    gate: anyio.Event = field(default_factory=anyio.Event)
    thread_gate: threading.Event = field(default_factory=threading.Event)

    def enter(self, who: object) -> None:
        self.started.append(who)
        self.running += 1
        self.most = max(self.most, self.running)

    def leave(self, who: object) -> None:
        self.cleaned.append(who)
        self.running -= 1


stage = Stage()


def new_stage() -> Stage:
    """A fresh stage for one test; make it inside the event loop."""
    global stage
    stage = Stage()
    return stage


class Unregistered(Exception):
    """An exception class that only this module knows."""


@sendable
class Registered(Exception):
    """An exception class that may travel."""


class BelowRegistered(Registered):
    """Unregistered, below a class that is."""


class CodedError(ValueError):
    """Of a user, with an attribute."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


class DiskError(OSError):
    """Of a user, with what a builtin class keeps."""


class OwnDecodeError(DecodeError):
    """Of a user, below a class of ours."""


@sendable
@dataclass(frozen=True)
class Point:
    x: int
    y: int


@sendable
class Colour(enum.Enum):
    RED = 1


@sendable
@dataclass
class Painted:
    name: str
    colour: Colour

    def __post_init__(self) -> None:
        self.name += "!"


@task
async def echo(value: object) -> object:
    return value


@task
async def fail_as(name: str) -> None:
    match name:
        case "json":
            json.loads("{x")
        case "gaierror":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        case "process":
            raise subprocess.CalledProcessError(3, ["x"], b"out", b"err")
        case "sqlite":
            raise sqlite3.OperationalError("no such table: t")
        case "coded":
            raise CodedError(5)
        case "disk":
            raise DiskError(28, "No space left", "/x")
        case "registered":
            raise Registered("no")
        case "below":
            raise BelowRegistered("no")
        case "own":
            raise OwnDecodeError("no")
        case _:
            raise ValueError(name)


@task
async def double(n: int) -> int:
    return 2 * n


@task
def double_in_a_thread(n: int) -> int:
    assert threading.current_thread() is not threading.main_thread()
    return 2 * n


@task
async def hold(who: object) -> object:
    """Runs until the gate opens; says when it starts and when it has cleaned up."""
    stage.enter(who)
    try:
        await stage.gate.wait()
        return who
    finally:
        stage.leave(who)


@task
async def double_when_open(n: int) -> int:
    """Twice *n*, when the gate opens."""
    stage.started.append(n)
    await stage.gate.wait()
    return 2 * n


@task
async def brief(who: object) -> object:
    """Runs for a moment, and says how many do at once."""
    stage.enter(who)
    try:
        await sleep(0.001)
        return who
    finally:
        stage.leave(who)


@task
async def passing(who: object) -> object:
    """The same without a wait."""
    stage.enter(who)
    stage.leave(who)
    return who


@task
async def after(who: int, wait_s: float) -> int:
    await sleep(wait_s)
    return who


@task
async def fail(message: str) -> None:
    raise ValueError(message)


@task
async def fail_on_three(n: int) -> int:
    if n == 3:
        raise ValueError(f"item {n}")
    return n


@task
async def fail_unregistered(message: str) -> None:
    raise Unregistered(message)


@task
async def fail_registered(message: str) -> None:
    raise Registered(message)


@task(retry=Retry(attempts=4, base_delay=0.01, retry_on=(ConnectionError,)))
async def flaky(who: str, failures: int) -> int:
    """Fails as often as told, then gives the number of the attempt that worked."""
    stage.attempts[who] = stage.attempts.get(who, 0) + 1
    if stage.attempts[who] <= failures:
        raise ConnectionError(f"attempt {stage.attempts[who]}")
    return stage.attempts[who]


@task(retry=Retry(attempts=4, base_delay=0.01, retry_on=(ConnectionError,)))
async def fail_for_good(who: str) -> int:
    stage.attempts[who] = stage.attempts.get(who, 0) + 1
    raise ValueError(who)


@task(timeout=0.02)
async def too_slow() -> None:
    await sleep(30)


@task
async def seconds_left() -> float | None:
    deadline = effective_deadline()
    return None if deadline is None else deadline - current_time()


@task
async def unsendable() -> object:
    return {"inner": [object()]}


@task
async def huge() -> bytes:
    return b"x" * (2 * 1024 * 1024)


@task
async def swap(point: Point) -> Point:
    return Point(point.y, point.x)


@task
async def exit_process() -> None:
    raise SystemExit(3)


@task
async def pid_after(wait_s: float) -> int:
    await sleep(wait_s)
    return os.getpid()


@task
def busy_pid(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@task
async def log(path: str, line: str, wait_s: float = 0.0) -> str:
    """Leaves a line in a file each time it starts, and one when it has ended."""
    with open(path, "a") as file:  # noqa: PTH123, ASYNC230 (one short append)
        file.write(f"start {line} {os.getpid()}\n")
    await sleep(wait_s)
    with open(path, "a") as file:  # noqa: PTH123, ASYNC230
        file.write(f"end {line} {os.getpid()}\n")
    return line


@task
async def die(path: str, line: str) -> None:
    """Takes its process along."""
    with open(path, "a") as file:  # noqa: PTH123, ASYNC230
        file.write(f"start {line} {os.getpid()}\n")
    os._exit(9)


@task
def block(path: str, seconds: float) -> None:
    """A thread that nothing can stop."""
    with open(path, "a") as file:  # noqa: PTH123
        file.write(f"start block {os.getpid()}\n")
    time.sleep(seconds)


@task
async def block_apart(path: str, seconds: float) -> None:
    """The same, in a thread that no task waits for once it is cancelled."""
    await asyncio.to_thread(block.function, path, seconds)


class Fatal(BaseException):
    """Neither an Exception nor anything that Python itself raises."""


@task
async def raise_fatal(kind: str) -> None:
    if kind == "group":
        raise BaseExceptionGroup("all", [KeyboardInterrupt(), ValueError("x")])
    raise {"fatal": Fatal, "generator": GeneratorExit}[kind]("no")


@task
async def cancel_myself() -> None:
    current = asyncio.current_task()
    assert current is not None
    current.cancel()
    await sleep(30)


@task(timeout=0.05)
def overrun() -> str:
    time.sleep(0.2)
    return "too late"


@task
def hold_a_thread(who: object) -> object:
    """Runs in its thread, which nothing can stop, until that gate opens."""
    here = stage
    here.started.append(who)
    here.thread_gate.wait(60)
    return who


_meeting = threading.Barrier(60, timeout=20)


@task
def meet(count: int) -> int:
    """Returns when sixty of them run at once."""
    _meeting.wait()
    return count


@task
async def in_turn(place: str, name: str) -> int:
    """Hold a token of limiter *name*, alone in *place* while doing so; how many were there."""
    async with current_cluster().capacity_limiter(name, 2):
        mine = Path(place) / secrets.token_hex(8)
        mine.touch()
        try:
            await anyio.sleep(0.01)
            return sum(1 for _ in os.scandir(place))
        finally:
            mine.unlink()


@task
async def asks_back(number: int) -> int:
    """A call that makes another call, through its own worker's cluster."""
    return await current_cluster().run(double.call(number))


@task
async def fibonacci(number: int) -> int:
    """Calls upon calls, many more than there are slots."""
    if number < 2:
        return number
    of = fibonacci.call
    return sum(await current_cluster().gather(of(number - 1), of(number - 2)))


def _die(place: str, times: int) -> None:
    """End this process, as long as it has not ended so often here."""
    died = sum(1 for _ in os.scandir(place))
    if died < times:
        (Path(place) / str(died)).touch()
        os.kill(os.getpid(), signal.SIGKILL)


@task
async def dies(place: str, times: int) -> int:
    """End as many processes as that; then give how many those were."""
    _die(place, times)
    return times


@task
async def dies_and_asks(place: str, times: int) -> int:
    """The same, and then wait for calls of its own."""
    _die(place, times)
    return sum(await current_cluster().gather(*(double.call(n) for n in range(10))))


@task
async def asks_one_that_dies(place: str, times: int) -> int:
    """Wait for a call that ends processes."""
    return await current_cluster().run(dies.call(place, times))


@task
async def reads(job: str) -> list[object]:
    """The results of a submitted job."""
    async with current_cluster().attach(job) as stream:
        return [result async for _, result in stream]


@task
def no_loop_here() -> str:
    """What a ``def`` is told that asks for the cluster."""
    try:
        current_cluster()
    except RuntimeError as error:
        return str(error)
    return ""


@task
async def large(who: object, size: int) -> bytes:
    """As many bytes."""
    stage.enter(who)
    stage.leave(who)
    return bytes(size)


@task
async def large_of(size: int) -> bytes:
    return bytes(size)
