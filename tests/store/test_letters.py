"""Dead letters: listed, made again once, dropped."""

import pytest
from store_bench import Bench, chunk

from lionherd_dist.store import kept, letters
from lionherd_dist.store.calls import Dead
from lionherd_dist.store.letters import Revival, job_of

pytestmark = pytest.mark.anyio


async def bury(bench: Bench, count: int = 1) -> list[letters.Letter]:
    """The letters of *count* calls of a job, the newest first."""
    await bench.submit("C", chunk(count=count, total=count))
    taken = await bench.take("W")
    await bench.hand("W").finish(bench.connection, [Dead(one, b"why") for one in taken])
    return await letters.letters(bench.connection, bench.keys, most=100, before="")


async def test_letters_are_listed_from_the_newest_in_pages(bench: Bench) -> None:
    """A page goes on before the last letter of the one before."""
    every = await bury(bench, 5)
    assert [one.index for one in every] == [4, 3, 2, 1, 0]
    assert (every[0].job, every[0].payload, every[0].outcome) == ("C-1", b"c4", b"why")
    read = bench.connection, bench.keys
    first = await letters.letters(*read, most=2, before="")
    second = await letters.letters(*read, most=10, before=first[-1].id)
    assert first + second == every
    assert await letters.letter_count(*read) == 5
    assert await letters.letter(*read, every[1].id) == every[1]


async def test_a_letters_call_is_made_again_as_a_kept_job(bench: Bench) -> None:
    """The letter goes in the same step; a worker gets the call; its outcome waits for a reader."""
    (letter,) = await bury(bench)
    job = job_of(letter.id)
    assert await letters.revive(bench.connection, bench.keys, letter.id) is Revival.THERE
    assert await letters.letter(bench.connection, bench.keys, letter.id) is None
    (taken,) = await bench.take("W")
    facts = (taken.job, taken.index, taken.attempt, taken.deaths, taken.payload)
    assert facts == (job, 0, 1, 0, b"c0")
    await bench.finish("W", [taken], b"at last")
    place = await kept.attach(bench.connection, bench.keys, "C", job)
    assert isinstance(place, kept.Place)
    assert place.total == 1
    (outcome,) = await kept.read(bench.connection, bench.keys, job, b"0-0", kept.portion())
    assert (outcome.index, outcome.outcome) == (0, b"at last")
    await kept.advance(bench.connection, bench.keys, "C", job, outcome.entry)


async def test_a_letter_is_made_again_once_however_often_that_is_asked(bench: Bench) -> None:
    """Also when the scripts are forgotten meanwhile, and while the job runs."""
    (letter,) = await bury(bench)
    for _ in range(3):
        assert await letters.revive(bench.connection, bench.keys, letter.id) is Revival.THERE
        await bench.connection.call("SCRIPT", "FLUSH")
    assert len(await bench.take("W")) == 1
    assert await bench.cancel(job_of(letter.id)) == [1]


async def test_what_is_no_letter_is_not_made_again(bench: Bench) -> None:
    """One that was never there, and one that never was a call."""
    assert await letters.revive(bench.connection, bench.keys, "1-1") is Revival.NO_LETTER
    await bench.connection.call("XADD", bench.keys.dead, "7-7", "some", "thing")
    await bench.connection.call("PEXPIRE", bench.keys.dead, 60_000)
    assert await letters.revive(bench.connection, bench.keys, "7-7") is Revival.NO_CALL
    stranger = await letters.letter(bench.connection, bench.keys, "7-7")
    assert stranger is not None
    assert (stranger.job, stranger.raw) == ("", (b"some", b"thing"))
    assert await letters.drop(bench.connection, bench.keys, ["7-7", "8-8"]) == 1
    assert await letters.letter_count(bench.connection, bench.keys) == 0
