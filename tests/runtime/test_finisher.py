"""What a worker tells of at once."""

from collections.abc import Callable, Sequence
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.runtime.finisher import MOST_PER_FLUSH, Finisher
from lionherd_dist.store.calls import Back, Calls, Done, Next, Recorded, Settled, Taken
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.portion import MOST_BYTES

pytestmark = pytest.mark.anyio


class Told:
    """The server's side, which keeps what it was told in each request."""

    def __init__(self) -> None:
        self.batches: list[list[Settled]] = []

    async def finish(self, _: object, settled: Sequence[Settled]) -> Recorded:
        await anyio.lowlevel.checkpoint()
        self.batches.append(list(settled))
        return Recorded(0)


def finisher_of(
    told: Told,
    *,
    in_hand: set[bytes] | None = None,
    on_told: Callable[..., None] | None = None,
) -> Finisher:
    return Finisher(
        cast("Connection", None),
        cast("Calls", told),
        set() if in_hand is None else in_hand,
        patience_s=1,
        on_parked=lambda _: None,
        on_lost=lambda: None,
        on_told=on_told,
    )


def taken(number: int, payload: bytes = b"") -> Taken:
    return Taken(b"%d-1" % number, "J-1", number, 1, 0, 0, payload)


@pytest.mark.parametrize(
    ("settled", "sizes"),
    [
        ([Done(taken(n), b"x" * (MOST_BYTES // 2)) for n in range(5)], [2, 2, 1]),
        ([Done(taken(n), b"x" * (2 * MOST_BYTES)) for n in range(2)], [1, 1]),
        ([Back(taken(n)) for n in range(MOST_PER_FLUSH + 1)], [MOST_PER_FLUSH, 1]),
        ([Done(taken(n), b"x") for n in range(3)], [3]),
        ([Back(taken(n, b"x" * (MOST_BYTES // 2))) for n in range(5)], [2, 2, 1]),
    ],
    ids=["half a portion each", "larger than a portion", "no bytes", "small", "large calls"],
)
async def test_what_is_told_at_once_is_bounded_in_count_and_bytes(
    settled: list[Settled], sizes: list[int]
) -> None:
    """In order, everything once, and one at least in each request."""
    told = Told()
    finisher = finisher_of(told)
    for one in settled:
        finisher.put(one)
    async with anyio.create_task_group() as group:
        group.start_soon(finisher.run)
        with anyio.fail_after(10):
            await finisher.drained()
        finisher.stop()
    assert [len(batch) for batch in told.batches] == sizes
    assert [one for batch in told.batches for one in batch] == settled


async def test_an_error_of_who_hears_what_was_told_holds_nobody_up() -> None:
    """A recorder of the user's has a defect: the worker still stops at once."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    finisher = finisher_of(Told(), on_told=fail)
    finisher.hold()
    finisher.put(Back(taken(1)))
    with pytest.raises(ZeroDivisionError):
        finisher.told(finisher.withdraw(), Recorded(0))
    with anyio.fail_after(1):
        await finisher.drained()


async def test_it_is_drained_when_both_who_tell_have_told() -> None:
    """Whoever ends first: the finisher itself, or the one who withdrew some."""

    class Slow(Told):
        async def finish(self, _: object, settled: Sequence[Settled]) -> Recorded:
            begun.set()
            await gate.wait()
            return await super().finish(_, settled)

    told, begun, gate = Slow(), anyio.Event(), anyio.Event()
    finisher = finisher_of(told)
    async with anyio.create_task_group() as group:
        group.start_soon(finisher.run)
        try:
            finisher.put(Back(taken(1)))
            await begun.wait()
            finisher.hold()
            finisher.put(Back(taken(2)))
            finisher.told(finisher.withdraw(), Recorded(0))
            with anyio.move_on_after(0.05) as waiting:
                await finisher.drained()
            assert waiting.cancelled_caught, "one is still on its way"
            gate.set()
            with anyio.fail_after(5):
                await finisher.drained()
        finally:
            finisher.stop()
    assert len(told.batches) == 1


def streak(count: int) -> list[Settled]:
    """The ends of *count* calls of one entry."""
    one, ends = taken(0)._replace(rest=(b"",) * (count - 1)), list[Settled]()
    while one.rest:
        ends.append(Next(one, b""))
        one = one.following()
    return [*ends, Done(one, b"")]


async def test_an_entry_is_in_hand_until_its_last_end_is_told() -> None:
    in_hand, ends = {b"0-1"}, streak(3)
    finisher = finisher_of(Told(), in_hand=in_hand)
    finisher.hold()
    finisher.put(ends[0])
    finisher.told(finisher.withdraw(), Recorded(0))
    assert in_hand == {b"0-1"}
    finisher.put(ends[1])
    finisher.put(ends[2])
    finisher.told(finisher.withdraw(), Recorded(0))
    assert in_hand == set()


@pytest.mark.parametrize("broke", [False, True], ids=["it arrived", "the connection broke"])
async def test_no_end_of_an_entry_overtakes_another_that_somebody_else_tells_of(
    broke: bool,
) -> None:
    """On two connections they could arrive in any order, and the server knows only one of them."""
    told, ends = Told(), streak(3)
    finisher = finisher_of(told)
    async with anyio.create_task_group() as group:
        group.start_soon(finisher.run)
        try:
            finisher.hold()
            finisher.put(ends[0])
            withdrawn = finisher.withdraw()
            finisher.put(ends[1])
            finisher.put(ends[2])
            await anyio.wait_all_tasks_blocked()
            assert told.batches == [], "it waits for what is under way"
            if broke:
                finisher.untold(withdrawn)
            else:
                finisher.told(withdrawn, Recorded(0))
            with anyio.fail_after(5):
                await finisher.drained()
        finally:
            finisher.stop()
    assert [one for batch in told.batches for one in batch] == (ends if broke else ends[1:])


async def test_nobody_withdraws_what_could_overtake_the_finisher() -> None:
    """It is told of when the finisher's own request has its answer."""

    class Slow(Told):
        async def finish(self, _: object, settled: Sequence[Settled]) -> Recorded:
            await gate.wait()
            return await super().finish(_, settled)

    told, gate, ends = Slow(), anyio.Event(), streak(2)
    finisher = finisher_of(told)
    async with anyio.create_task_group() as group:
        group.start_soon(finisher.run)
        try:
            finisher.put(ends[0])
            await anyio.wait_all_tasks_blocked()
            finisher.hold()
            finisher.put(ends[1])
            assert finisher.withdraw() == []
            gate.set()
            with anyio.fail_after(5):
                await finisher.drained()
        finally:
            finisher.stop()
    assert told.batches == [ends[:1], ends[1:]]


async def test_what_comes_of_other_entries_waits_for_nothing() -> None:
    """One silent connection holds nobody else's outcome up."""
    told, ends = Told(), streak(2)
    finisher, other = finisher_of(told), Back(taken(7))
    async with anyio.create_task_group() as group:
        group.start_soon(finisher.run)
        try:
            finisher.hold()
            finisher.put(ends[0])
            withdrawn = finisher.withdraw()
            finisher.put(other)
            finisher.put(ends[1])
            await anyio.wait_all_tasks_blocked()
            assert told.batches == [[other]]
            finisher.told(withdrawn, Recorded(0))
            with anyio.fail_after(5):
                await finisher.drained()
        finally:
            finisher.stop()
    assert told.batches == [[other], [ends[1]]]


async def test_what_goes_back_with_a_call_counts_in_the_size_of_a_flush() -> None:
    """The server moves all of it."""
    told = Told()
    finisher = finisher_of(told)
    rest = (b"x" * (MOST_BYTES // 4),) * 2
    for number in range(4):
        finisher.put(Back(taken(number)._replace(rest=rest)))
    async with anyio.create_task_group() as group:
        group.start_soon(finisher.run)
        with anyio.fail_after(10):
            await finisher.drained()
        finisher.stop()
    assert [len(batch) for batch in told.batches] == [2, 2]
