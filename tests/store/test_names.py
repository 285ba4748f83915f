"""No name that a user gives makes a key that is another one's."""

from dataclasses import replace
from itertools import product

import pytest
from store_bench import Bench, chunk, wish

from lionherd_dist.store.jobs import Tokens
from lionherd_dist.store.kept import Gone, attach
from lionherd_dist.store.keys import PART_TYPES, SHARED_TYPES, Keys, type_of
from lionherd_dist.store.limits import tend

SUFFIXES = tuple(part and f":{part}" for part in PART_TYPES["limit"])
NAMES = (
    *(
        "mail",
        "mail:queue",
        "mail:held",
        "mail:seen",
        "mail:",
        ":mail",
        ":",
        "::",
        "mail:queue:held",
    ),
    *("mail%3Aqueue", "mail%3A", "%", "%25", "%3A", "mail%253Aqueue", "a b", "ü:ü", "*", "{x}"),
)


def test_no_limiters_key_is_anothers() -> None:
    """Over all pairs of a name and a suffix."""
    keys = Keys("names")
    made = [keys.limit(name) + suffix for name, suffix in product(NAMES, SUFFIXES)]
    assert len(set(made)) == len(made)
    for name, suffix in product(NAMES, SUFFIXES):
        own = (keys.limit(name) + suffix)[len(keys.prefix) :]
        assert type_of(own) == PART_TYPES["limit"][suffix[1:]]
        assert own not in SHARED_TYPES


@pytest.mark.anyio
@pytest.mark.parametrize("name", NAMES)
async def test_scripts_make_the_same_keys(bench: Bench, name: str) -> None:
    """Of a limiter that sessions use, and jobs, beside one whose queue it is called like."""
    for one in {"mail", name}:
        await bench.lend("C", wish(count=3)._replace(name=one))
        await bench.lend("W", wish(count=2)._replace(name=one))
    jobs = [chunk(count=2, total=2, number=1), chunk(count=2, total=2, number=2)]
    names = ("mail", name)
    await bench.submit(
        "C",
        *(replace(job, limiter=Tokens(one, 2, 0)) for job, one in zip(jobs, names, strict=True)),
    )
    await tend(bench.connection, bench.keys)
    there = {key.removeprefix(bench.keys.prefix) for key in await bench.state()}
    for one in ("mail", name):
        key = bench.keys.limit(one).removeprefix(bench.keys.prefix)
        assert {key, f"{key}:held", f"{key}:queue", f"{key}:seen"} <= there
        for session in ("C", "W", "C-1", "C-2"):
            await bench.leave(session, one)
    await bench.cancel("C-1", "C-2")


@pytest.mark.anyio
@pytest.mark.parametrize("job", ["C-1:hand", "C-1:outcomes", "", ":", "C-1 ", "*", "C-1\x00"])
async def test_an_id_that_is_another_key_is_no_job(bench: Bench, job: str) -> None:
    """Ids of jobs are typed by people."""
    await bench.submit("C", chunk(count=2, total=2, keep_ms=60_000))
    await bench.finish("W", (await bench.take("W"))[:1])  # there are outcomes
    state = await bench.state()
    assert await attach(bench.connection, bench.keys, "C/1", job) == Gone()
    assert await bench.cancel(job) == [0]
    assert await bench.state() == state
    await bench.cancel("C-1")
