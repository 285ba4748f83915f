"""One connection: each request gets its own reply, or an error."""

from collections.abc import AsyncIterator
from functools import partial
from hashlib import sha1
from typing import cast

import anyio
import pytest
from fault_proxy import FaultProxy, fault_proxy
from helpers import wait_until

from lionherd_dist.errors import StoreRefusedError, StoreUnavailableError
from lionherd_dist.store import connection as module
from lionherd_dist.store.connection import Answer, Connection, Request
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.scripts import Script

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


async def is_gone(other: Connection, name: bytes) -> bool:
    """True if the server has no connection of that name, as *other* hears."""
    return name not in cast("bytes", await other.call("CLIENT", "LIST"))


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


async def test_a_request_that_was_cancelled_answers_no_later_one(proxy: FaultProxy) -> None:
    connection = Connection(proxy.url, name="test")
    assert await echo(connection, "first", way="call") == b"first"
    proxy.freeze()
    with anyio.move_on_after(0.05):
        await echo(connection, "second", way="call")
    proxy.thaw()
    assert await echo(connection, "third", way="call") == b"third"
    await connection.close()


async def test_who_asks_on_a_connection_that_was_lost_hears_of_it(redis_url: str) -> None:
    """Also where nothing was under way: a reader is then to look for what it was sent meanwhile."""
    connection, other = Connection(redis_url, name="lost"), Connection(redis_url, name="other")
    lost = await connection.call("CLIENT", "ID")
    assert isinstance(lost, int)
    assert await other.call("CLIENT", "KILL", "ID", lost) == 1
    await wait_until(partial(is_gone, other, b"name=lost"), description="the server forgot it")
    with pytest.raises(StoreUnavailableError):
        await echo(connection, "first", way="call")
    assert await echo(connection, "second", way="call") == b"second"
    await connection.close()
    await other.close()


async def test_a_read_that_was_cancelled_takes_nothing_later(redis_url: str) -> None:
    """The server forgets who waits with the connection."""
    connection, other = (Connection(redis_url, name=name) for name in ("cancelled", "other"))
    with anyio.move_on_after(0.05):
        await connection.call("BLPOP", "list", 0)
    await wait_until(partial(is_gone, other, b"name=cancelled"), description="the server forgot it")
    assert await other.call("RPUSH", "list", "for others") == 1
    assert await other.call("LPOP", "list") == b"for others"
    await connection.close()
    await other.close()


async def test_a_script_goes_ahead_of_a_command_and_is_told_of_first(redis_url: str) -> None:
    """Its reply comes while the command waits; one that the server does not know was not run."""
    connection, other = (Connection(redis_url, name="test") for _ in range(2))
    script = Script("here", "return ARGV[1]", sha1(b"return ARGV[1]").hexdigest())
    await other.call("SCRIPT", "FLUSH")
    answers: list[Answer] = []
    request: Request = (script, (), ("ahead",))
    assert await connection.run_ahead(request, answers.append, "ECHO", "behind") == b"behind"
    assert isinstance(answers.pop(), StoreUnavailableError)
    await other.run(script, (), ("",))

    told = anyio.Event()

    def ran(answer: Answer) -> None:
        answers.append(answer)
        told.set()

    async def release() -> None:
        await told.wait()
        await other.call("RPUSH", "list", "behind")

    async with anyio.create_task_group() as group:
        group.start_soon(release)
        with anyio.fail_after(5):
            reply = await connection.run_ahead(request, ran, "BLPOP", "list", 0)
    assert (answers, reply) == ([b"ahead"], [b"list", b"behind"])
    await connection.close()
    await other.close()


async def test_a_refusal_of_the_command_behind_a_script_is_an_error(redis_url: str) -> None:
    connection = Connection(redis_url, name="test")
    script = Script("here", "return 1", sha1(b"return 1").hexdigest())
    await connection.run(script, (), ())
    answers: list[Answer] = []
    with pytest.raises(StoreRefusedError):
        await connection.run_ahead((script, (), ()), answers.append, "NONSENSE")
    assert answers == [1]
    await connection.close()
