"""What a job has in hand, and a limiter's holders, are no lists once they are many."""

from typing import cast

import pytest
from store_bench import Bench, chunk, wish

from lionherd_dist.store.connection import Reply

pytestmark = pytest.mark.anyio

MANY = 16  # from here on


async def encoding(bench: Bench, key: str) -> Reply:
    return await bench.connection.call("OBJECT", "ENCODING", key)


async def indexes(bench: Bench, hand: str) -> list[int]:
    return sorted(map(int, cast("list[bytes]", await bench.connection.call("HKEYS", hand))))


@pytest.mark.parametrize("steps", [[MANY], [MANY - 1, 1], [3] * 6, [200]])
async def test_a_jobs_hand_becomes_a_table_and_holds_nothing_else(
    bench: Bench, steps: list[int]
) -> None:
    """However it grows; and stays one when it shrinks."""
    await bench.hello("V", slots=200)
    hand, count = f"{bench.keys.job('C-1')}:hand", 0
    for step in steps:
        assert await bench.submit("C", chunk(count, step)) == [count + step]
        count += step
        assert await encoding(bench, hand) == (b"listpack" if count < MANY else b"hashtable")
    assert await indexes(bench, hand) == list(range(count))
    taken = await bench.take("V", most=count - 2)
    assert await bench.finish("V", taken) == 0
    assert await indexes(bench, hand) == [count - 2, count - 1]
    assert await encoding(bench, hand) == b"hashtable"


@pytest.mark.parametrize("steps", [[MANY], [MANY - 1, 1], [3] * 6, [200]])
async def test_holders_become_a_tree_with_nobody_else_in_it(bench: Bench, steps: list[int]) -> None:
    """However many are lent at once; and they stay one when most have given back."""
    held, count = f"{bench.keys.prefix}limit:api:held", 0
    for step in steps:
        ask = wish(count + 1, step, look=True)._replace(total=1_000)
        lent = await bench.lend("C", ask)
        count += step
        assert lent is not None
        assert lent.looked is not None
        assert (lent.borrowed, sorted(lent.looked.ours)) == (count, list(range(1, count + 1)))
        assert await encoding(bench, held) == (b"listpack" if count < MANY else b"skiplist")
    ask = wish(count + 1, 0, *range(2, count + 1))._replace(total=1_000)
    lent = await bench.lend("C", ask)
    assert lent is not None
    assert lent.borrowed == 1
    assert await encoding(bench, held) == b"skiplist"
