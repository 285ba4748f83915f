"""What a worker tells of at once."""

from collections.abc import Sequence
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.runtime.finisher import MOST_PER_FLUSH, Finisher
from lionherd_dist.store.calls import Back, Calls, Done, Recorded, Settled, Taken
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.portion import MOST_BYTES

pytestmark = pytest.mark.anyio


class Told:
    """The server's side, which keeps what it was told in each request."""

    def __init__(self, *, lost_replies: int = 0) -> None:
        self.batches: list[list[Settled]] = []
        self.wanted: list[int] = []
        self._lost_replies = lost_replies

    async def finish(
        self, _: object, settled: Sequence[Settled], *, wanted: int
    ) -> Recorded | None:
        await anyio.lowlevel.checkpoint()
        self.batches.append(list(settled))
        self.wanted.append(wanted)
        if self._lost_replies:
            self._lost_replies -= 1
            raise StoreUnavailableError("the reply was lost")
        return Recorded(0, [taken(90 + n) for n in range(wanted)])


def taken(number: int, payload: bytes = b"") -> Taken:
    return Taken(b"%d-1" % number, "J-1", number, 1, 0, 0, payload)


def finisher_to(told: Told) -> Finisher:
    return Finisher(
        cast("Connection", None),
        cast("Calls", told),
        set(),
        patience_s=10,
        on_parked=lambda _: None,
        on_lost=lambda: None,
    )


async def tell(finisher: Finisher, settled: Sequence[Settled]) -> None:
    for one in settled:
        finisher.put(one)
    async with anyio.create_task_group() as group:
        group.start_soon(finisher.run)
        with anyio.fail_after(10):
            await finisher.drained()
        finisher.stop()


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
    await tell(finisher_to(told), settled)
    assert [len(batch) for batch in told.batches] == sizes
    assert [one for batch in told.batches for one in batch] == settled


class Places:
    """Wants two calls with every answer."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def wanted(self, ended: int) -> int:
        self.heard.append(f"{ended} ended")
        return 2

    def bring(self, calls: Sequence[Taken]) -> None:
        self.heard.append([one.index for one in calls])

    async def look_again(self) -> None:
        self.heard.append("look again")


async def test_an_answer_brings_the_calls_that_are_wanted() -> None:
    told, places = Told(), Places()
    finisher = finisher_to(told)
    finisher.refill = places
    await tell(finisher, [Done(taken(n), b"x") for n in range(3)])
    assert told.wanted == [2]
    assert places.heard == ["3 ended", [90, 91]]


async def test_after_a_lost_reply_none_are_wanted_and_what_it_brought_is_looked_for() -> None:
    """Told again, the server would bring others."""
    told, places = Told(lost_replies=2), Places()
    finisher = finisher_to(told)
    finisher.refill = places
    await tell(finisher, [Done(taken(1), b"x")])
    assert told.wanted == [2, 0, 0]
    assert places.heard == ["1 ended", "look again"]
