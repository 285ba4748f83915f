"""The tasks of the chaos run: each body tells a file when it starts and when it ends.

A body's line is ``[S, label, index, who, number, slot, monotonic]`` and ``[E, who, number, how,
monotonic]``; *who* is one life of one worker process. It holds a flock'ed slot in between.
``[P, who, from, to]`` says that the whole process stood still for that long.
"""

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio

from chaos.calls import answer, kind_of, wait_s
from chaos.notes import Notes, take_slot
from lionherd_dist import Retry, task

DIRECTORY = Path(os.environ["CHAOS_DIRECTORY"])
WHO = os.environ["CHAOS_WHO"]

_notes = Notes(DIRECTORY / "bodies.log")
_numbers = itertools.count(1)
_TICK_S, _STALL_S = 0.05, 0.3
_STUMBLE = Retry(attempts=50, base_delay=0.02, max_delay=0.2, retry_on=(ConnectionError,))


def watch_stalls() -> None:
    """Note, from a thread, each time that this process stood still: paused, or given no time."""
    threading.Thread(target=_watch_stalls, name="chaos-stalls", daemon=True).start()


def _watch_stalls() -> None:
    before = time.monotonic()
    while True:
        time.sleep(_TICK_S)
        now = time.monotonic()
        if now - before > _STALL_S:
            _notes.write("P", WHO, before, now)
        before = now


@contextmanager
def witnessed(label: str, index: int, limit: int) -> Iterator[None]:
    """Tell of the start and the end of a body, and hold a slot between them."""
    slot, file = take_slot(DIRECTORY / "slots" / label, limit)
    number = next(_numbers)
    _notes.write("S", label, index, WHO, number, slot, time.monotonic())
    how = "cut"
    try:
        yield
        how = "done"
    except Exception as error:
        how = type(error).__name__
        raise
    finally:
        ended_at = time.monotonic()
        os.close(file)
        _notes.write("E", WHO, number, how, ended_at)


@task
async def plain(label: str, index: int, limit: int) -> str:
    with witnessed(label, index, limit):
        await anyio.sleep(wait_s(label, index))
        return answer(label, index)


@task
def thread(label: str, index: int, limit: int) -> str:
    with witnessed(label, index, limit):
        time.sleep(wait_s(label, index))
        return answer(label, index)


@task
async def failing(label: str, index: int, limit: int) -> str:
    with witnessed(label, index, limit):
        await anyio.sleep(wait_s(label, index))
        raise ValueError(answer(label, index))


@task(retry=_STUMBLE)
async def stumbling(label: str, index: int, limit: int) -> str:
    """Fails the first time, as the file that it leaves says, and is tried again by its policy."""
    with witnessed(label, index, limit):
        await anyio.sleep(wait_s(label, index))
        try:
            os.close(os.open(DIRECTORY / f"stumbled-{label}-{index}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return answer(label, index)
        raise ConnectionError("the first time")


@task
async def poison(label: str, index: int, limit: int) -> str:
    """Ends its process, by exit or by signal."""
    with witnessed(label, index, limit):
        await anyio.sleep(wait_s(label, index))
        if time.monotonic_ns() % 2:
            os._exit(9)
        os.kill(os.getpid(), signal.SIGKILL)
        return ""


@task(retry=_STUMBLE)
async def mapped(item: tuple[str, int, int, bool]) -> str:
    """For bounded_map, which gives one item to one task: whatever the call's name says."""
    label, index, limit, poisoned = item
    match kind_of(label, index, poisoned=poisoned):
        case "failing":
            return await failing(label, index, limit)
        case "stumbling":
            return await stumbling(label, index, limit)
        case "poison":
            return await poison(label, index, limit)
    return await plain(label, index, limit)
