"""What a worker tells of at once."""

from collections.abc import Callable, Sequence
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.runtime.finisher import MOST_PER_FLUSH, Finisher
from lionherd_dist.store.calls import Back, Calls, Done, Recorded, Settled, Taken
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


def finisher_of(told: Told, *, on_told: Callable[..., None] | None = None) -> Finisher:
    return Finisher(
        cast("Connection", None),
        cast("Calls", told),
        set(),
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
