"""How the reader of calls begins, and begins again; and who fills which slots."""

from collections.abc import AsyncIterator, Callable, Sequence
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
    changed: anyio.Event = field(default_factory=anyio.Event)

    @property
    def in_hand(self) -> frozenset[bytes]:
        return frozenset(self.held)

    async def change(self) -> None:
        await self.changed.wait()

    def wake(self) -> None:
        self.changed.set()

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


class Stream:
    """A server whose reads wait until there are calls, or until they are woken."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.pending: list[bytes] = []
        self.looks = 0
        self.on_look: Callable[[], None] = lambda: None
        self._calls: list[Taken] = []
        self._wake = anyio.Event()

    def give(self, *entries: bytes) -> None:
        self._calls = [call(entry) for entry in entries]
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    async def take(self, connection: Line, most: int) -> list[Taken]:
        self.asked.append(most)
        await self._wake.wait()
        self._wake = anyio.Event()
        calls, self._calls = self._calls, []
        return calls

    async def retake(self, connection: Line, most: int, after: bytes) -> list[Taken]:
        if after == b"0-0":
            self.looks += 1
        batch = [call(entry) for entry in self.pending if entry > after]
        self.on_look()
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        return batch


@dataclass
class Waker:
    """Wakes the read of *stream*."""

    stream: Stream

    async def call(self, *command: object) -> int:
        assert command == ("CLIENT", "UNBLOCK", 1)
        self.stream.wake()
        return 1


@dataclass
class Scene:
    """A puller that reads from *stream*."""

    hand: Hand
    stream: Stream
    puller: Puller

    async def reads(self, count: int) -> None:
        """Wait until the read of that number is under way."""
        with anyio.fail_after(20):
            while len(self.stream.asked) < count:
                await anyio.lowlevel.checkpoint()


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A read for five slots is under way; one call was taken just now, and runs."""
    monkeypatch.setattr("lionherd_dist.runtime.puller.QUICK_S", 1_000.0)
    hand, stream = Hand(), Stream()
    puller = Puller(Line(), Waker(stream), stream, hand)  # type: ignore[arg-type] (stand-ins)
    async with anyio.create_task_group() as group:
        group.start_soon(puller.run)
        scene = Scene(hand, stream, puller)
        await scene.reads(1)
        stream.give(b"1-0")
        await scene.reads(2)
        yield scene
        with anyio.fail_after(20):
            await puller.stop()


async def test_an_answer_is_wanted_to_fill_the_slots_that_the_read_does_not(scene: Scene) -> None:
    """Or both would bring calls for the same slots."""
    assert scene.stream.asked == [5, 5]
    assert scene.puller.wanted(1) == 0
    scene.hand.free = 7
    assert scene.puller.wanted(1) == 1
    scene.puller.bring([])
    assert scene.puller.wanted(5) == 2


async def test_the_next_read_leaves_the_slots_that_an_answer_is_to_fill(scene: Scene) -> None:
    scene.hand.free = 7
    assert scene.puller.wanted(2) == 2
    scene.stream.give(b"2-0")
    await scene.reads(3)
    assert scene.stream.asked[-1] == 5
    scene.puller.bring([call(b"3-0")])
    scene.stream.give(b"4-0")
    await scene.reads(4)
    assert scene.stream.asked[-1] == 7
    assert scene.hand.accepted == [b"1-0", b"2-0", b"3-0", b"4-0"]


async def test_a_read_waits_for_the_answer_where_it_may_fill_all_slots(scene: Scene) -> None:
    scene.hand.free = 6
    assert scene.puller.wanted(1) == 1
    scene.hand.free = 1
    scene.stream.give(b"2-0")
    await anyio.wait_all_tasks_blocked()
    assert len(scene.stream.asked) == 2
    scene.puller.bring([])
    await scene.reads(3)
    assert scene.stream.asked[-1] == 1


async def test_nothing_is_wanted_for_many_calls_nor_for_slow_ones(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may be free to take the next ones sooner."""
    scene.hand.free = 50
    assert scene.puller.wanted(FEW + 1) == 0
    assert scene.puller.wanted(FEW) == FEW
    scene.puller.bring([])
    monkeypatch.setattr("lionherd_dist.runtime.puller.QUICK_S", 0.0)
    assert scene.puller.wanted(FEW) == 0


async def test_what_a_lost_answer_brought_is_taken_from_the_pending_list(scene: Scene) -> None:
    """The read is woken for it, and nothing else is wanted until that list was read."""
    scene.hand.free = 7
    assert scene.puller.wanted(2) == 2
    scene.stream.pending = [b"1-0", b"2-0"]
    await scene.puller.look_again()
    assert scene.puller.wanted(2) == 0
    await scene.reads(3)
    assert scene.hand.accepted == [b"1-0", b"2-0"]
    assert scene.stream.asked[-1] == 7
    assert scene.puller.wanted(2) == 0


async def test_a_call_that_an_answer_brings_while_the_list_is_read_is_run_once(
    scene: Scene,
) -> None:
    """Also where it has ended, and was told of, before the list is here."""

    def bring() -> None:
        scene.puller.bring([call(b"2-0")])
        scene.hand.held.discard(b"2-0")
        scene.stream.on_look = lambda: None

    scene.stream.pending = [b"1-0", b"2-0"]
    scene.stream.on_look = bring
    await scene.puller.look_again()
    await scene.reads(3)
    assert scene.hand.accepted == [b"1-0", b"2-0"]


async def test_an_answer_that_is_lost_while_the_list_is_read_has_it_read_again(
    scene: Scene,
) -> None:
    looks = scene.stream.looks
    async with anyio.create_task_group() as group:

        def lose() -> None:
            scene.stream.on_look = lambda: None
            scene.stream.pending = [b"1-0", b"2-0"]
            group.start_soon(scene.puller.look_again)

        scene.stream.on_look = lose
        await scene.puller.look_again()
        await scene.reads(3)
    assert scene.stream.looks == looks + 2
    assert scene.hand.accepted == [b"1-0", b"2-0"]
