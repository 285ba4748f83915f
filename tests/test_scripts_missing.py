"""Workers and clients that may not load scripts: they run what an operator has loaded."""

import logging
from collections.abc import AsyncIterator

import anyio
import pytest
import redis
import tasks
from helpers import wait_until
from road import working
from users import add_users, url_for

from lionherd_dist import Cluster, ScriptsMissingError, Settings, StoreRefusedError, Worker
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.loading import load_scripts
from lionherd_dist.store.scripts import ALL, REAP
from lionherd_dist.store.sessions import reap
from lionherd_dist.url import parse

pytestmark = pytest.mark.anyio

SETTINGS = Settings(session_s=2, patience_s=20)
KEYS = Keys(SETTINGS.namespace)
REMEDY = "run `lionherd-dist scripts load` as an operator"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server that knows the users, and no scripts."""
    async with private_server() as url:
        add_users(url)
        yield url


async def load(url: str) -> None:
    """What the operator does."""
    await load_scripts(parse(url_for("scripts", url)), ALL)


def forget(url: str) -> None:
    """What a restart or a fail-over does to the scripts."""
    with redis.Redis.from_url(url) as server:
        server.script_flush()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for text in caplog.messages if text.startswith("scripts missing")]


async def test_a_worker_that_starts_without_them_says_what_to_do(url: str) -> None:
    """At once, and not after its patience is over."""
    worker = Worker(tasks, redis=url_for("worker", url), settings=SETTINGS)
    with anyio.fail_after(10), pytest.raises(StoreRefusedError, match=REMEDY):
        await worker.run()


async def test_a_client_that_starts_without_them_says_what_to_do(url: str) -> None:
    """Nothing can be sent."""
    with anyio.fail_after(10), pytest.raises(StoreRefusedError, match=REMEDY):
        async with Cluster(url_for("client", url), settings=SETTINGS) as cluster:
            await cluster.run(tasks.double.call(1))


async def test_a_single_question_says_what_to_do(url: str) -> None:
    """It could be asked again, so it is no refusal."""
    connection = Connection(url_for("client", url), name="test")
    try:
        with pytest.raises(ScriptsMissingError, match=REMEDY):
            await reap(connection, KEYS)
        with redis.Redis.from_url(url) as server:
            assert server.script_load(REAP.text) == REAP.sha
        assert (await reap(connection, KEYS)).given_on == 0
    finally:
        await connection.close()


async def test_what_runs_goes_on_when_they_are_back(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that was sent meanwhile is run; each process has said it once."""
    caplog.set_level(logging.WARNING, "lionherd_dist")
    await load(url)
    async with (
        working(url_for("worker", url), SETTINGS),
        Cluster(url_for("client", url), settings=SETTINGS) as cluster,
        anyio.create_task_group() as group,
    ):
        assert await cluster.run(tasks.double.call(2)) == 4
        forget(url)
        got: list[object] = []

        async def run() -> None:
            got.append(await cluster.run(tasks.double.call(3)))

        group.start_soon(run)
        await wait_until(lambda: len(complaints(caplog)) >= 2, description="both have said it")
        await load(url)
        await wait_until(lambda: got == [6], description="the call is run")
    assert len(complaints(caplog)) == 2
    assert all(REMEDY in text for text in complaints(caplog))


async def test_a_worker_whose_session_ended_meanwhile_begins_another(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It had worked, so it waits, as it does for a server that is away."""
    caplog.set_level(logging.WARNING, "lionherd_dist")
    settings = Settings(session_s=1, patience_s=1)
    await load(url)
    async with working(url_for("worker", url), settings):
        with redis.Redis.from_url(url) as server:
            (before,) = {*server.hkeys(KEYS.slots)} - {b"*"}
            forget(url)
            server.delete(KEYS.sessions, KEYS.slots)
            await wait_until(
                lambda: len(complaints(caplog)) >= 2, description="no session could be begun"
            )
            assert not server.exists(KEYS.slots)
            await load(url)
            await wait_until(lambda: bool(server.exists(KEYS.slots)), description="it is back")
            (after,) = {*server.hkeys(KEYS.slots)} - {b"*"}
        assert before != after
        async with Cluster(url_for("client", url), settings=settings) as cluster:
            assert await cluster.run(tasks.double.call(2)) == 4
