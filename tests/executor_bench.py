"""An executor, driven by hand: what it is given, whom it asks, and what it says."""

import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import tasks

from lionherd_dist.call import Call, Outcome
from lionherd_dist.runtime.executor import Executor
from lionherd_dist.runtime.slots import Slots, open_slots
from lionherd_dist.runtime.ways import Ways
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Done, Settled, Taken
from lionherd_dist.task import Task, tasks_of
from lionherd_dist.wire.messages import decode_outcome, encode_call
from lionherd_dist.wire.signing import Seal


async def nobody(_: object) -> bool:
    return False


async def never(_: object) -> int:
    return 0


def ways_to(
    settle: Callable[[Settled], None],
    *,
    known_elsewhere: Callable[[str], Awaitable[bool]] = nobody,
    alone: Callable[[Taken], Awaitable[int]] = never,
    trusted: bool = True,
    awaited: Callable[[str], bool] = "".__eq__,  # no job has that id
) -> Ways:
    return Ways(settle, known_elsewhere, alone, lambda: trusted, awaited)


@asynccontextmanager
async def executor(
    settle: Callable[[Settled], None], *tasks_here: Task[..., object], trusted: bool = True
) -> AsyncIterator[Executor]:
    known_tasks = {one.name: one for one in tasks_here} or tasks_of([tasks])
    async with open_slots(2) as slots:
        yield in_slots(slots, ways_to(settle, trusted=trusted), known_tasks)


def in_slots(slots: Slots, ways: Ways, known: Mapping[str, Task[..., object]]) -> Executor:
    return Executor(
        known,
        set(),
        ways,
        slots=slots,
        name="here",
        clock=ServerClock(1_000_000),
        seal=Seal((), "default"),
        context=contextvars.Context(),
    )


def taken(call: Call[object] | None = None, entry: bytes = b"1-1") -> Taken:
    return Taken(entry, "J-1", 0, 1, 0, 0, encode_call(call or tasks.double.call(2)))


def outcomes(settled: list[Settled]) -> list[Outcome]:
    return [decode_outcome(one.outcome) for one in settled if isinstance(one, Done)]
