"""How the reader of calls begins, and begins again after a read that broke."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.runtime.puller import Puller
from lionherd_dist.store.calls import Taken

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
    puller = Puller(Line(), Line(), calls, hand)  # type: ignore[arg-type] (stand-ins)
    async with anyio.create_task_group() as group:
        group.start_soon(puller.run)
        with anyio.fail_after(20):
            await calls.done.wait()
            await puller.stop()
    assert hand.accepted == [b"3-0"]


@dataclass
class Quick(Hand):
    """An executor whose calls end, and are told of, as soon as the event loop comes to it."""

    told: int = 0

    def accept(self, taken: Taken) -> None:
        self.free -= 1
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self.free += 1
        asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self.told += 1


@dataclass
class Plenty:
    """A server that has fewer calls than it is asked for at first, and notes what it is asked."""

    hand: Quick
    asked: list[tuple[int, int]] = field(default_factory=list)
    done: anyio.Event = field(default_factory=anyio.Event)

    async def retake(self, connection: Line, most: int, after: bytes) -> list[Taken]:
        return []

    async def take(self, connection: Line, most: int) -> list[Taken]:
        self.asked.append((most, self.hand.told))
        if len(self.asked) == 2:
            self.done.set()
            await anyio.sleep_forever()
        return [call(b"1-0"), call(b"2-0")]


async def test_a_read_asks_for_the_slots_of_calls_that_ended_at_once() -> None:
    """And comes after the word of them; or reads would stay as small as one of them once was."""
    hand = Quick()
    calls = Plenty(hand)
    puller = Puller(Line(), Line(), calls, hand)  # type: ignore[arg-type]  # stand-ins
    async with anyio.create_task_group() as group:
        group.start_soon(puller.run)
        with anyio.fail_after(20):
            await calls.done.wait()
        puller.abandon()
    assert calls.asked == [(5, 0), (5, 2)]
