"""What was read of an inbox is dropped from the server before it is much, and in idle moments."""

import pytest
from store_bench import Bench

from lionherd_dist.store import outcomes
from lionherd_dist.store.outcomes import READ_BYTES, READ_ENTRIES, Inbox, News

pytestmark = pytest.mark.anyio


@pytest.fixture
def inbox(bench: Bench) -> Inbox:
    return Inbox(bench.connection, bench.keys, "C")


async def arrive(bench: Bench, index: int, size: int = 1) -> None:
    key = bench.keys.inbox("C")
    await bench.connection.call("XADD", key, "*", "j", "C-1", index, b"x" * size)
    await bench.connection.call("PEXPIRE", key, 60_000)


async def left(bench: Bench) -> object:
    return await bench.connection.call("XLEN", bench.keys.inbox("C"))


async def read(inbox: Inbox) -> list[int]:
    return [
        index for news in await inbox.read() if isinstance(news, News) for index, _ in news.outcomes
    ]


async def test_a_few_entries_stay_until_they_are_many(bench: Bench, inbox: Inbox) -> None:
    """Each is read once, whatever is still there."""
    for index in range(READ_ENTRIES):
        await arrive(bench, index)
        assert await read(inbox) == [index]
    assert await left(bench) == READ_ENTRIES
    await arrive(bench, 99)
    assert await read(inbox) == [99]
    assert await left(bench) == 1


async def test_large_entries_are_dropped_by_the_next_read(bench: Bench, inbox: Inbox) -> None:
    await arrive(bench, 0, size=READ_BYTES)
    assert await read(inbox) == [0]
    await arrive(bench, 1)
    assert await read(inbox) == [1]
    assert await left(bench) == 1


async def test_an_idle_inbox_is_emptied(
    bench: Bench, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the second read that brings nothing."""
    monkeypatch.setattr(outcomes, "BLOCK_MS", 10)
    await arrive(bench, 0)
    assert [await read(inbox) for _ in range(3)] == [[0], [], []]
    assert await left(bench) == 0


async def test_it_is_empty_once_all_was_read(bench: Bench, inbox: Inbox) -> None:
    """Though the server may not have been told yet."""
    assert await inbox.is_empty(bench.connection)
    await arrive(bench, 0)
    assert not await inbox.is_empty(bench.connection)
    assert await read(inbox) == [0]
    assert await left(bench) == 1
    assert await inbox.is_empty(bench.connection)
