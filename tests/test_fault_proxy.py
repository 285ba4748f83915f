"""The proxy passes everything on, and each of its faults does what it says."""

from collections.abc import AsyncIterator
from itertools import repeat

import anyio
import pytest
from fault_proxy import Fault, FaultProxy, fault_proxy
from helpers import wait_until

from lionherd_dist import StoreUnavailableError
from lionherd_dist.store.connection import Connection

pytestmark = pytest.mark.anyio

KEY = "test-fault-proxy"


@pytest.fixture
async def proxy(redis_url: str, connection: Connection) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(redis_url) as proxy:
        yield proxy
    await connection.call("DEL", KEY)


@pytest.fixture
async def through(proxy: FaultProxy) -> AsyncIterator[Connection]:
    through = Connection(proxy.url, name="through")
    yield through
    await through.close()


async def test_requests_and_replies_of_every_shape_pass(through: Connection) -> None:
    """Nested, empty, missing, binary, and many at once."""
    binary = bytes(range(256)) * 300
    lua = "return {1, {ARGV[1], {}}, false, redis.status_reply('x')}"
    assert await through.pipeline(
        [("SET", KEY, binary), ("GET", KEY), ("EVAL", lua, 0, binary), ("HGETALL", KEY + "-not")]
    ) == [b"OK", binary, [1, [binary, []], None, b"x"], []]


async def test_a_lost_reply_belongs_to_a_request_that_was_carried_out(
    proxy: FaultProxy, through: Connection, connection: Connection
) -> None:
    """The second INCR counts, its sender gets an error, and the next request has its own reply."""
    struck = proxy.strike(Fault.LOSE_REPLY, b"INCR", nth=2)
    assert await through.call("INCR", KEY) == 1
    with pytest.raises(StoreUnavailableError):
        await through.call("INCR", KEY)
    assert struck.is_set()
    assert await connection.call("GET", KEY) == b"2"
    assert await through.call("INCR", KEY) == 3


async def test_a_lost_request_never_reaches_the_server(
    proxy: FaultProxy, through: Connection, connection: Connection
) -> None:
    """Its sender cannot tell the difference."""
    proxy.strike(Fault.LOSE_REQUEST, b"INCR")
    with pytest.raises(StoreUnavailableError):
        await through.call("INCR", KEY)
    assert await connection.call("GET", KEY) is None


async def test_cutting_and_refusing_end_what_is_open(
    proxy: FaultProxy, through: Connection
) -> None:
    """And after both, connections are let in again."""
    assert await through.call("PING") == b"PONG"
    assert proxy.cut_all() == 1
    with pytest.raises(StoreUnavailableError):
        await through.call("PING")
    assert await through.call("PING") == b"PONG"
    proxy.refuse()
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await through.call("PING")
    await proxy.admit()
    assert await through.call("PING") == b"PONG"


async def test_a_frozen_connection_stays_open_and_silent(
    proxy: FaultProxy, through: Connection
) -> None:
    """Until it is thawed: then the reply comes after all."""
    assert await through.call("PING") == b"PONG"
    proxy.freeze()
    replies = []

    async def ask() -> None:
        replies.append(await through.call("PING"))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        with pytest.raises(StoreUnavailableError):
            await through_another(proxy)
        assert replies == []
        proxy.thaw()
    assert replies == [b"PONG"]


async def test_an_answer_that_came_too_late_is_nobodys(
    proxy: FaultProxy, through: Connection
) -> None:
    """The request fails in its time, and the next one gets its own answer."""
    assert await through.call("PING") == b"PONG"
    proxy.freeze()
    with pytest.raises(StoreUnavailableError):
        await through.call("ECHO", "late", wait_s=0.05)
    proxy.thaw()
    assert await through.call("ECHO", "mine") == b"mine"


async def through_another(proxy: FaultProxy) -> None:
    """A second connection: accepted, and never answered."""
    another = Connection(proxy.url + "?socket_timeout=0.05", name="another")
    try:
        await another.call("PING", wait_s=0.05)
    finally:
        await another.close()


async def test_an_answer_of_its_own_keeps_the_server_out_of_it(
    proxy: FaultProxy, through: Connection, connection: Connection
) -> None:
    """An error that a server would give."""
    assert await through.call("PING") == b"PONG"
    proxy.answer = b"-LOADING Redis is loading the dataset\r\n"
    with pytest.raises(StoreUnavailableError, match="is loading"):
        await through.call("INCR", KEY)
    proxy.answer = None
    assert await through.call("INCR", KEY) == 1


async def test_a_connection_is_cut_in_the_middle_of_a_reply(
    proxy: FaultProxy, through: Connection
) -> None:
    """After as many bytes as it was given."""
    proxy.budgets = repeat(2_000)
    with pytest.raises(StoreUnavailableError):
        await through.call("EVAL", "return string.rep('x', 3000)", 0)
    proxy.budgets = None
    reply = await through.call("EVAL", "return string.rep('x', 3000)", 0)
    assert reply == b"x" * 3_000


async def test_a_delayed_reply_comes_late(proxy: FaultProxy, through: Connection) -> None:
    """And unharmed."""
    assert await through.call("PING") == b"PONG"
    proxy.reply_delay_s = 0.05
    asked_at = anyio.current_time()
    assert await through.call("PING") == b"PONG"
    assert anyio.current_time() - asked_at >= 0.05


async def test_the_requests_are_counted_without_the_handshake(
    proxy: FaultProxy, through: Connection
) -> None:
    """So that the first one is the first that a test makes."""
    await through.call("PING")
    await through.call("PING")
    assert proxy.requests == 2
    await wait_until(lambda: proxy.cut_all() == 0, description="all is cut")
