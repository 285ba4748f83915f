"""How the reader of calls begins, and begins again after a read that broke."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.errors import LionherdError, StoreUnavailableError
from lionherd_dist.runtime.finisher import Finisher
from lionherd_dist.runtime.puller import FEW, Puller
from lionherd_dist.store.calls import Calls, Done, Recorded, Settled, Taken
from lionherd_dist.store.connection import Connection

pytestmark = pytest.mark.anyio


def call(entry: bytes) -> Taken:
    return Taken(entry, "job", 0, 1, 0, 0, b"")


class Line:
    """A connection that answers every command with 1."""

    async def call(self, *command: object) -> int:
        return 1


@dataclass
class Hand:
    """An executor that has room, and runs nothing."""

    held: set[bytes] = field(default_factory=set)
    accepted: list[bytes] = field(default_factory=list)
    free: int = 5

    @property
    def in_hand(self) -> frozenset[bytes]:
        return frozenset(self.held)

    async def room(self) -> int:
        return self.free

    def accept(self, taken: Taken) -> None:
        if taken.entry not in self.held:
            self.accepted.append(taken.entry)
            self.held.add(taken.entry)


@dataclass
class Pending:
    """A server whose answer is older than the word that reached it meanwhile."""

    hand: Hand
    entries: Sequence[bytes]
    told_meanwhile: set[bytes]
    done: anyio.Event = field(default_factory=anyio.Event)

    async def retake(self, connection: Line, most: int, after: bytes) -> list[Taken]:
        batch = [call(entry) for entry in self.entries if entry > after]
        self.entries = [entry for entry in self.entries if entry not in self.told_meanwhile]
        self.hand.held -= self.told_meanwhile  # the finisher's reply comes before ours
        return batch

    async def take(self, connection: Line, most: int) -> list[Taken]:
        self.done.set()
        await anyio.lowlevel.checkpoint()
        return []


async def test_a_call_that_ends_while_the_pending_list_is_read_is_not_run_again() -> None:
    """The list still names it, and by the time that it is here the call is no longer in hand."""
    hand = Hand(held={b"1-0", b"2-0"})
    calls = Pending(hand, [b"1-0", b"2-0", b"3-0"], told_meanwhile={b"1-0"})
    puller = Puller(Line(), Line(), calls, hand, finisher(Told()))  # type: ignore[arg-type]
    async with anyio.create_task_group() as group:
        group.start_soon(puller.run)
        with anyio.fail_after(20):
            await calls.done.wait()
            await puller.stop()
    assert hand.accepted == [b"3-0"]


class Told:
    """A server that is told on the finisher's own connection."""

    def __init__(self) -> None:
        self.ended: list[bytes] = []

    async def finish(self, connection: object, settled: Sequence[Settled]) -> Recorded:
        await anyio.lowlevel.checkpoint()
        self.ended += [one.taken.entry for one in settled]
        return Recorded(0)


def finisher(told: Told, lost: Callable[[], None] = lambda: None) -> Finisher:
    nobody = cast("Connection", None)
    calls = cast("Calls", told)
    return Finisher(nobody, calls, set(), patience_s=1, on_parked=lambda _: None, on_lost=lost)


@dataclass
class Road:
    """A server and an executor in one, on which each call ends in the next turn of the loop.

    Args:
        answer: what the server says to what it is told with a read; None: the connection breaks.
    """

    batches: list[list[Taken]]
    finisher: Finisher
    answer: Recorded | LionherdError | None = field(default_factory=lambda: Recorded(0))
    is_lost: bool = False
    said: list[str] = field(default_factory=list)
    done: anyio.Event = field(default_factory=anyio.Event)
    free: int = 100
    in_hand: frozenset[bytes] = frozenset()

    def accept(self, taken: Taken) -> None:
        asyncio.get_running_loop().call_soon(self.end, taken)

    def end(self, taken: Taken) -> None:
        self.said.append("ended")
        self.finisher.put(Done(taken, b""))

    async def room(self) -> int:
        self.done.set()
        await anyio.sleep_forever()
        return 0

    async def retake(self, connection: Line, most: int, after: bytes) -> list[Taken]:
        return []

    async def take(self, connection: Line, most: int) -> list[Taken]:
        self.said.append("read")
        if not self.batches:
            self.done.set()
            await anyio.lowlevel.checkpoint()
            return []
        return self.batches.pop()

    async def finish_and_take(
        self,
        connection: Line,
        settled: Sequence[Settled],
        most: int,
        on_told: Callable[[Recorded | LionherdError | None], None],
    ) -> list[Taken]:
        self.said.append(f"told of {len(settled)} and read")
        if self.answer is None and not self.is_lost:
            self.done.set()
            raise StoreUnavailableError("it broke")
        on_told(None if self.is_lost else self.answer)
        self.done.set()
        await anyio.lowlevel.checkpoint()
        return []


@asynccontextmanager
async def working(road: Road) -> AsyncIterator[Puller]:
    """The two at work, until the block is over."""
    puller = Puller(Line(), Line(), road, road, road.finisher)  # type: ignore[arg-type] (stand-ins)
    async with anyio.create_task_group() as group:
        group.start_soon(road.finisher.run)
        group.start_soon(puller.run)
        try:
            with anyio.fail_after(10):
                await road.done.wait()
                yield puller
                await puller.stop()
                await road.finisher.drained()
        finally:
            puller.abandon()
            road.finisher.stop()


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (1, ["read", "ended", "told of 1 and read"]),
        (FEW, ["read", *["ended"] * FEW, f"told of {FEW} and read"]),
        (FEW + 1, ["read", "read"]),
    ],
)
async def test_the_end_of_a_few_calls_is_told_with_the_next_read(
    calls: int, said: list[str]
) -> None:
    """In one request, and by nobody else; with many, reading is what cannot wait."""
    told = Told()
    road = Road([[call(b"%d-0" % n) for n in range(calls)]], finisher(told))
    async with working(road):
        heard = road.said[: len(said)]
    assert heard == said
    assert len(told.ended) == (calls if calls > FEW else 0)


@pytest.mark.parametrize("answer", [None, StoreUnavailableError("it knows no such script")])
async def test_what_could_not_be_told_with_a_read_is_told_by_the_finisher(
    answer: LionherdError | None,
) -> None:
    """The connection broke, or the server did not take it."""
    told = Told()
    async with working(Road([[call(b"1-0"), call(b"2-0")]], finisher(told), answer)):
        pass
    assert told.ended == [b"1-0", b"2-0"]


async def test_a_session_that_is_lost_is_lost_whoever_hears_of_it() -> None:
    lost = anyio.Event()
    async with working(Road([[call(b"1-0")]], finisher(Told(), lost.set), is_lost=True)):
        assert lost.is_set()


async def test_what_ended_is_told_though_there_is_no_room_to_read() -> None:
    """Nothing is held back for a read that may be long in coming."""

    class Full(Road):
        def end(self, taken: Taken) -> None:
            super().end(taken)
            self.free = 0

    told = Told()
    road = Full([[call(b"1-0")]], finisher(told))
    async with working(road):
        with anyio.fail_after(5):
            await road.finisher.drained()
    assert told.ended == [b"1-0"]


async def test_a_reader_that_is_abandoned_leaves_what_it_was_to_tell() -> None:
    """And what the server still says to it counts for nothing: the finisher tells it all."""

    class Slow(Road):
        async def finish_and_take(
            self,
            connection: Line,
            settled: Sequence[Settled],
            most: int,
            on_told: Callable[[Recorded | LionherdError | None], None],
        ) -> list[Taken]:
            self.done.set()
            try:
                await anyio.sleep_forever()
                return []
            finally:
                asyncio.get_running_loop().call_soon(on_told, Recorded(0))

    told = Told()
    road = Slow([[call(b"1-0")]], finisher(told))
    async with working(road) as puller:
        puller.abandon()
        with anyio.fail_after(5):
            await road.finisher.drained()
    assert told.ended == [b"1-0"]
