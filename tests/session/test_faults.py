"""A session between a process and a server that cannot hear each other."""

import time
from collections.abc import AsyncIterator

import anyio
import pytest
from fault_proxy import Fault, FaultProxy, fault_proxy
from helpers import wait_until

from lionherd_dist import Settings
from lionherd_dist.session.session import open_session
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.sessions import NO_CAPACITY

pytestmark = pytest.mark.anyio


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
async def through(proxy: FaultProxy) -> AsyncIterator[Connection]:
    through = Connection(proxy.url, name="through")
    yield through
    await through.close()


async def test_a_silent_connection_costs_the_session_before_others_may_take_over(
    proxy: FaultProxy, through: Connection, settings: Settings
) -> None:
    """A beat that waits for its answer does not keep the process from giving up in time."""
    lost_at: list[float] = []
    settings = Settings(namespace=settings.namespace, session_s=1.5)
    async with open_session(
        *(proxy.url, through, Keys(settings.namespace), settings),
        capacity=NO_CAPACITY,
        on_lost=lambda _: lost_at.append(time.monotonic()),
    ):
        proxy.freeze()
        frozen_at = time.monotonic()
        await wait_until(lambda: bool(lost_at), description="it is given up", within_s=5)
        proxy.thaw()
    assert lost_at[0] - frozen_at < settings.session_s


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
async def test_a_beat_that_is_cut_is_made_up_for(
    fault: Fault, proxy: FaultProxy, through: Connection, settings: Settings
) -> None:
    """Soon enough for the session to live on."""
    reasons: list[str] = []
    keys = Keys(settings.namespace)
    async with open_session(
        *(proxy.url, through, keys, Settings(namespace=settings.namespace, session_s=1)),
        capacity=NO_CAPACITY,
        on_lost=reasons.append,
    ) as session:
        for nth in (1, 2, 1):
            first = await through.call("ZSCORE", keys.sessions, session.id)
            struck = proxy.strike(fault, b"EVALSHA", nth=nth)
            await struck.wait()

            async def renewed(before: object = first) -> bool:
                return await through.call("ZSCORE", keys.sessions, session.id) != before

            await wait_until(renewed, description="another beat came through")
    assert reasons == []


async def test_a_cancelled_registration_leaves_no_session(
    proxy: FaultProxy, through: Connection, connection: Connection, settings: Settings
) -> None:
    """Cancelled does not mean that it did not happen: the server had registered it."""
    keys = Keys(settings.namespace)

    async def register() -> None:
        async with open_session(
            *(proxy.url, through, keys, settings), capacity=NO_CAPACITY, on_lost=lambda _: None
        ):
            pytest.fail("no reply has come")

    async def registered() -> bool:
        return await connection.call("EXISTS", keys.sessions) == 1

    assert await through.call("PING") == b"PONG"
    proxy.reply_delay_s = 60
    async with anyio.create_task_group() as group:
        group.start_soon(register)
        await wait_until(registered, description="the server has registered it")
        proxy.reply_delay_s = 0
        group.cancel_scope.cancel()
    assert not await registered()
