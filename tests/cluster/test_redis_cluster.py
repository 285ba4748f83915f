"""The whole road on a Redis Cluster: each namespace at the node that owns its slot."""

from collections.abc import AsyncIterator

import pytest
import tasks
from failover import SETTINGS as UNDER_LOAD
from failover import fail_over_under_load
from redis.crc import key_slot
from road import collect, working
from servers import HOST, SLOTS, Trio, free_port, trio

from lionherd_dist import Cluster, Settings, StoreUnavailableError
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.patience import persist

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For fixtures of the module, too."""
    return "asyncio"


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[Trio]:
    """A cluster for the tests that leave it as it is."""
    async with trio() as place:
        yield place


def slot_of(namespace: str) -> int:
    return key_slot(Keys(namespace).prefix.encode())


def namespace_at(third: int) -> str:
    """A namespace whose slot is in that third of all slots: 0, 1 or 2."""
    return next(name for name in map(str, range(99)) if slot_of(name) * 3 // SLOTS == third)


@pytest.mark.parametrize("third", [0, 1, 2])
async def test_a_job_runs_whichever_node_has_its_slot(place: Trio, third: int) -> None:
    """The URL names the first node only; the third has nothing of it."""
    settings = Settings(namespace=namespace_at(third), session_s=1)
    async with working(place.url, settings), Cluster(place.url, settings=settings) as cluster:
        assert await collect(cluster, calls=2_000) == 0


async def test_a_node_of_the_url_that_is_gone_is_passed_over(place: Trio) -> None:
    """Any other one will do."""
    url = f"redis+cluster://{HOST}:{free_port()},{place.nodes[1].node}"
    settings = Settings(namespace=namespace_at(2), session_s=1)
    async with working(url, settings), Cluster(url, settings=settings) as cluster:
        assert await cluster.run(tasks.double.call(4)) == 8


async def test_a_slot_that_moved_is_followed(place: Trio) -> None:
    """The node that had it says so once; the next try is at the new one."""
    namespace = "moving"
    keys = Keys(namespace)
    connection = Connection(place.url, name="test", namespace=namespace)
    home = place.nodes[slot_of(namespace) * 3 // SLOTS]
    away = next(node for node in place.nodes if node is not home)
    try:
        assert await connection.call("EXISTS", keys.calls) == 0
        await place.move(slot_of(namespace), away)
        with pytest.raises(StoreUnavailableError, match=str(away.node)):
            await connection.call("EXISTS", keys.calls)
        assert await persist(lambda: connection.call("EXISTS", keys.calls), patience_s=5) == 0
    finally:
        await connection.close()
        await place.move(slot_of(namespace), home)


async def test_the_url_of_one_server_does_not_do_for_a_cluster(place: Trio) -> None:
    """The error says which would."""
    url = str(place.nodes[0].node)
    settings = Settings(namespace=namespace_at(2), session_s=1, patience_s=0.1)
    with pytest.raises(StoreUnavailableError, match=r"redis\+cluster://"):
        async with Cluster(f"redis://{url}", settings=settings):
            pass


async def test_every_job_ends_when_the_slots_owner_dies() -> None:
    """Its replica takes over, elected by the others."""
    async with trio() as place:
        owner = place.nodes[slot_of(UNDER_LOAD.namespace) * 3 // SLOTS]
        url = f"redis+cluster://{','.join(str(node.node) for node in place.nodes)}"
        await place.replica_of(owner)
        await fail_over_under_load(url, owner.kill)
