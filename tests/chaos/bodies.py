"""The tasks of the chaos run: each body tells a file when it starts and when it ends."""

import os
import signal
import time
from contextlib import AbstractContextManager

import anyio

from chaos.calls import answer, kind_of, wait_s
from chaos.witness import here
from lionherd_dist import Retry, task

_STUMBLE = Retry(attempts=50, base_delay=0.02, max_delay=0.2, retry_on=(ConnectionError,))


def witnessed(label: str, index: int, limit: int) -> AbstractContextManager[None]:
    """With one of as many slots as the job's *limit* allows."""
    return here().body(label, index, lambda: (label, limit))


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
            os.close(
                os.open(here().directory / f"stumbled-{label}-{index}", os.O_CREAT | os.O_EXCL)
            )
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
