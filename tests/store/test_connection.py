"""One connection: each request gets its own reply, or an error."""

from collections.abc import AsyncIterator

import pytest
from fault_proxy import FaultProxy, fault_proxy

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store import connection as module
from lionherd_dist.store.connection import Connection, Reply

pytestmark = pytest.mark.anyio


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(redis_url) as proxy:
        yield proxy


async def echo(connection: Connection, word: str, *, way: str) -> Reply:
    if way == "call":
        return await connection.call("ECHO", word, wait_s=module.ANSWER_S)
    (reply,) = await connection.pipeline([("ECHO", word)])
    return reply


@pytest.mark.parametrize("way", ["call", "pipeline"])
async def test_a_reply_that_comes_too_late_answers_no_later_request(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A server that hangs is an error, not an empty reply; what it says later is not heard."""
    connection = Connection(proxy.url, name="test")
    assert await echo(connection, "first", way=way) == b"first"
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    proxy.freeze()
    with pytest.raises(StoreUnavailableError):
        await echo(connection, "second", way=way)
    proxy.thaw()
    monkeypatch.undo()
    assert await echo(connection, "third", way=way) == b"third"
    await connection.close()
