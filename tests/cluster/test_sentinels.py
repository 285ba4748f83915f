"""The whole road by way of sentinels: found, found again, and every job ends."""

from collections.abc import AsyncIterator

import anyio
import pytest
import tasks
from failover import WAYS, with_sentinels
from helpers import wait_until
from road import collect, working
from servers import HOST, MASTER, Watched, free_port, watched

from lionherd_dist import Cluster, Settings, StoreRefusedError, StoreUnavailableError
from lionherd_dist.store.connection import Connection

pytestmark = pytest.mark.anyio

CANARY = "canary-3141"
SETTINGS = Settings(namespace="sentinels", session_s=5)


@pytest.mark.parametrize("way", WAYS)
async def test_every_job_ends_when_the_master_is_gone(way: str) -> None:
    """In all its outcomes, each once and right, or in JobLostError; and the next ones complete."""
    figures = await with_sentinels(way)
    if way == "cut-off":  # half a second of acknowledged writes is gone: that must be noticed
        assert figures.lost or figures.repeated


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For fixtures of the module, too."""
    return "asyncio"


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[Watched]:
    """Servers for the tests that leave the master where it is; all want a password."""
    async with watched(password=CANARY, guarded=True) as place:
        yield place


async def test_sentinels_may_want_the_password_too(place: Watched) -> None:
    """The same one as the server."""
    url = place.url.replace("//", f"//:{CANARY}@")
    async with working(url, SETTINGS), Cluster(url, settings=SETTINGS) as cluster:
        assert await collect(cluster) == 0


async def test_a_sentinel_that_hangs_and_one_that_is_gone_are_passed_over(place: Watched) -> None:
    """One that answers is enough to find the master."""
    hung, _, fine = place.sentinels
    url = f"redis+sentinel://:{CANARY}@{HOST}:{free_port()},{hung.node},{fine.node}/{MASTER}"
    hung.pause()
    try:
        async with working(url, SETTINGS), Cluster(url, settings=SETTINGS) as cluster:
            assert await cluster.run(tasks.double.call(4)) == 8
    finally:
        hung.resume()


async def test_a_master_whose_name_is_mistyped_is_told_at_once(place: Watched) -> None:
    """Sentinels that answer, and know nothing of it."""
    url = place.url.replace("//", f"//:{CANARY}@").replace(f"/{MASTER}", "/lyon")
    with pytest.raises(StoreRefusedError, match="knows no master named 'lyon'") as info:
        with anyio.fail_after(4):
            async with Cluster(url, settings=SETTINGS):
                pass
    assert CANARY not in str(info.value)


async def test_a_server_that_is_no_master_is_not_used() -> None:
    """Sentinels may be behind the times: the server is asked itself, on each new connection."""
    async with watched() as place:
        connection = Connection(place.url, name="test")
        try:
            assert await connection.call("SET", "key", 1) == b"OK"
            await connection.close()
            await place.master.ask("REPLICAOF", HOST, place.replica.node.port)
            with pytest.raises(StoreUnavailableError, match="is no master but a slave"):
                await connection.call("GET", "key")
        finally:
            await connection.close()


async def test_an_old_master_that_comes_back_is_not_used() -> None:
    """It is made a replica of the new one, and the jobs go on there."""
    async with (
        watched() as place,
        working(place.url, SETTINGS),
        Cluster(place.url, settings=SETTINGS) as cluster,
    ):
        await place.master.kill()
        assert await cluster.run(tasks.double.call(4)) == 8
        await place.master.start()

        async def follows() -> bool:
            try:
                role = await place.master.ask("ROLE")
            except StoreUnavailableError:  # a change of role closes connections
                return False
            return isinstance(role, list) and role[0] == b"slave"

        await wait_until(follows, description="the old master follows the new one", within_s=60)
        assert await collect(cluster) == 0
