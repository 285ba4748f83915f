"""How the reader of calls begins, and begins again after a read that broke."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.runtime.puller import FEW, Puller
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
class Road:
    """A server and an executor in one, on which each call ends in the next turn of the loop."""

    batches: list[list[Taken]]
    said: list[str] = field(default_factory=list)
    done: anyio.Event = field(default_factory=anyio.Event)
    free: int = 100
    in_hand: frozenset[bytes] = frozenset()

    def accept(self, taken: Taken) -> None:
        asyncio.get_running_loop().call_soon(self.said.append, "ended")

    async def retake(self, connection: Line, most: int, after: bytes) -> list[Taken]:
        return []

    async def take(self, connection: Line, most: int) -> list[Taken]:
        self.said.append("read")
        if not self.batches:
            self.done.set()
            await anyio.lowlevel.checkpoint()
            return []
        return self.batches.pop()


@pytest.mark.parametrize(
    ("calls", "said"), [(1, ["read", "ended", "read"]), (FEW + 1, ["read", "read"])]
)
async def test_a_few_calls_end_before_the_next_read(calls: int, said: list[str]) -> None:
    """The server is to hear of them first; with many, reading is what cannot wait."""
    road = Road([[call(b"%d-0" % n) for n in range(calls)]])
    puller = Puller(Line(), Line(), road, road)  # type: ignore[arg-type] (stand-ins)
    async with anyio.create_task_group() as group:
        group.start_soon(puller.run)
        with anyio.fail_after(20):
            await road.done.wait()
            heard = road.said[: len(said)]
            await puller.stop()
    assert heard == said
