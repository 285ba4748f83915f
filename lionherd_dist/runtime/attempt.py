"""One attempt at a call: whatever the function does, there is an outcome, and the worker lives."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import anyio

from lionherd_dist.call import Failure, Message, Ran, Success
from lionherd_dist.task import Task


async def attempt(
    task: Task[..., object],
    message: Message,
    *,
    threads: anyio.CapacityLimiter,
    is_ours: Callable[[], bool],
) -> Success | Failure:
    """What became of one run of *task*; only a cancellation of ours leaves it as an exception.

    *threads* holds one for each slot of the worker, for functions that are no coroutines;
    *is_ours* says whether a cancellation that arrives now is one that the worker asked for.
    """
    timeout = message.timeout if message.timeout is not None else task.timeout
    try:
        return Success(await task.run_once(message.args, message.kwargs, timeout, threads=threads))
    except Exception as error:  # noqa: BLE001 (whatever a task raises is its outcome)
        return Failure(error)
    except asyncio.CancelledError:
        if is_ours():
            raise
        current = asyncio.current_task()
        while current is not None and current.cancelling():
            current.uncancel()  # the function cancelled its own task: that ends the call alone
        return Failure(RuntimeError("it cancelled itself"))
    except BaseException as error:  # noqa: BLE001 (SystemExit, GeneratorExit, a group of such)
        reason = RuntimeError(f"it raised {type(error).__name__}({error}), which ends processes")
        reason.__cause__ = error
        return Failure(reason)


def timed(outcome: Success | Failure, *, begun_ms: float, ended_ms: float) -> Success | Failure:
    """*outcome*, which says when the attempt was made, in server time."""
    return replace(outcome, ran=Ran(begun_ms, max(0.0, ended_ms - begun_ms)))
