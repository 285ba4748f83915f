"""Scripts on servers of every kind: loaded where they are asked for, and lost with the server."""

from contextlib import suppress

import pytest
import redis
from helpers import wait_until
from servers import HOST, Server, trio, watched

from lionherd_dist.address import Node
from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store.finding import owners
from lionherd_dist.store.loading import load_scripts
from lionherd_dist.store.scripts import ALL
from lionherd_dist.url import parse

pytestmark = pytest.mark.anyio

SHAS = [script.sha for script in ALL]


def known(server: Server) -> int:
    """How many of the scripts it knows."""
    with redis.Redis(host=HOST, port=server.node.port) as client:
        return sum(client.script_exists(*SHAS))


async def test_every_master_of_a_cluster_gets_them() -> None:
    """Which of them a namespace will be on, nobody knows beforehand."""
    async with trio() as place:
        loaded = await load_scripts(parse(place.url), ALL)
        assert [known(node) for node in place.nodes] == [len(ALL)] * 3
        assert {one.address for one in loaded} == {f"redis://{one.node}" for one in place.nodes}
        assert {one.new for one in loaded} == {len(ALL)}
        assert {one.new for one in await load_scripts(parse(place.url), ALL)} == {0}


async def test_the_master_that_sentinels_name_gets_them_and_its_replica_does_not() -> None:
    """They are not replicated, so that one that takes over lacks them; it takes them beforehand."""
    async with watched() as place:
        (loaded,) = await load_scripts(parse(place.url), ALL)
        assert loaded.new == len(ALL)
        assert (known(place.master), known(place.replica)) == (len(ALL), 0)
        await load_scripts(parse(f"redis://{place.replica.node}"), ALL)
        assert known(place.replica) == len(ALL)


async def test_they_are_loaded_on_whichever_is_the_master_now() -> None:
    """Each time anew: the one that took over has them as soon as it is asked."""
    async with watched() as place:
        address = parse(place.url)
        await load_scripts(address, ALL)
        await place.master.kill()

        async def are_loaded() -> bool:
            with suppress(StoreUnavailableError):
                return (await load_scripts(address, ALL))[0].new == len(ALL)
            return False

        await wait_until(are_loaded, description="the replica has taken over", within_s=30)
        assert known(place.replica) == len(ALL)


def test_an_owner_without_an_address_is_the_one_that_was_asked() -> None:
    """As a node says that has met no other."""
    asked, other = Node("here", 1), Node("there", 2)
    slots = [[0, 5, [b"", 1, b"id"]], [6, 9, [b"there", 2, b"id"]], [10, 11, [None, 1, b"id"]]]
    assert owners(slots, asked) == [asked, other]
    assert owners(b"nonsense", asked) == []
