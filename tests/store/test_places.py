"""The sessions of a process that died end by its token, and those of no other process."""

from dataclasses import replace

import pytest
from store_bench import Bench, chunk

from lionherd_dist.store.health import live_workers_at
from lionherd_dist.store.places import CallInHand, died, place_of, shown_place
from lionherd_dist.store.reading import overview
from lionherd_dist.store.sessions import reap

pytestmark = pytest.mark.anyio


async def test_the_calls_of_a_process_that_died_are_given_on_at_the_next_reap(bench: Bench) -> None:
    """With a death to their name; they are told of, and asked again, there is nothing left."""
    await bench.hello("V", slots=4, place=place_of("host:7", "dead"))
    await bench.hello("X", slots=4, place=place_of("host:8", "alive"))
    await bench.submit("C", chunk(count=2))
    await bench.take("V")
    ended = await died(bench.connection, bench.keys, "dead")
    assert ended.sessions == 1
    assert ended.calls == (CallInHand("C-1", 0, b"c0"), CallInHand("C-1", 1, b"c1"))
    assert not ended.more
    assert (await reap(bench.connection, bench.keys)).given_on == 2
    assert [(one.index, one.deaths) for one in await bench.take("X")] == [(0, 1), (1, 1)]
    assert (await died(bench.connection, bench.keys, "dead")).sessions == 0


@pytest.mark.parametrize("token", ["", "dea", "deadly", "host:7", "DEAD", "host:7/dead"])
async def test_another_token_ends_nobody(bench: Bench, token: str) -> None:
    """Nothing at the server changes, whatever a living process has in common with a dead one."""
    await bench.hello("V", slots=4, place=place_of("host:7", "dead"))
    await bench.hello("X", slots=4, place="host:7")
    await bench.submit("C", chunk(count=1))
    await bench.take("V")
    before = await bench.state()
    assert (await died(bench.connection, bench.keys, token)).sessions == 0
    assert await bench.state() == before


async def test_all_sessions_of_the_process_end_however_many_others_there_are(bench: Bench) -> None:
    """Its worker's, and those that its tasks opened; the server looks at a part at a time."""
    for number in range(1_200):
        place = place_of("host:7", "dead" if number % 100 == 0 else f"token{number}")
        await bench.hello(f"s{number}", place=place)
    assert (await died(bench.connection, bench.keys, "dead")).sessions == 12
    assert await bench.connection.call("ZCOUNT", bench.keys.sessions, 0, 0) == 12


async def test_a_bounded_part_of_what_a_process_had_is_told(bench: Bench) -> None:
    """Some calls of many, the payload of those that are small."""
    await bench.hello("V", slots=40, place=place_of("host:7", "dead"))
    large = replace(chunk(count=1), calls=[b"x" * 5000])
    await bench.submit("C", large, chunk(count=20, number=2))
    await bench.take("V")
    ended = await died(bench.connection, bench.keys, "dead")
    assert ended.more
    assert [one.job for one in ended.calls] == ["C-1", "C-2", "C-2"]
    assert [one.payload for one in ended.calls] == [b"", b"c0", b"c1"]


async def test_people_are_shown_no_token(bench: Bench) -> None:
    """Neither in the overview nor where a host is looked for."""
    await bench.hello("V", slots=4, place=place_of("host:7", "secret"))
    (row,) = [one for one in (await overview(bench.connection, bench.keys)).workers if one.place]
    assert row.place == "host:7"
    assert await live_workers_at(bench.connection, bench.keys, "host") == 1


@pytest.mark.parametrize(
    ("place", "shown"), [(None, ""), (b"", ""), (b"h:1", "h:1"), (b"h:1/t", "h:1"), (b"\xff/", "�")]
)
def test_a_place_is_shown_up_to_its_token(place: bytes | None, shown: str) -> None:
    """Whatever stands there."""
    assert shown_place(place) == shown
