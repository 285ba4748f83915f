"""Each request gets its replies, in its time, or an error; and then the connection is no more."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvloop
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError

from lionherd_dist.store.exchange import Exchange, Received

pytestmark = pytest.mark.anyio


class Wire(asyncio.Transport):
    """A server that says what the test lets it say."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_cut = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """It is called directly."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def abort(self) -> None:
        self.is_cut = True


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def exchange(wire: Wire) -> AsyncIterator[Exchange]:
    exchange = Exchange(wire)
    yield exchange
    exchange.close()


async def turn() -> None:
    """Let the event loop do what it has to."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_each_request_gets_its_own_replies(wire: Wire, exchange: Exchange) -> None:
    """In the order in which they were sent, however the bytes are cut."""
    one, two = exchange.send(b"one", 2, 60), exchange.send(b"two", 1, 60)
    for part in (b"+a\r", b"\n:7\r\n", b"*2\r\n$1\r\nx\r\n$-1", b"\r\n"):
        exchange.data_received(part)
    assert await one == [b"a", 7]
    assert await two == [[b"x", None]]
    assert wire.sent == [b"one", b"two"]


async def test_an_error_of_the_server_is_a_reply(exchange: Exchange) -> None:
    answer = exchange.send(b"", 2, 60)
    exchange.data_received(b"-NOSCRIPT none\r\n+fine\r\n")
    error, fine = await answer
    assert isinstance(error, NoScriptError)
    assert fine == b"fine"


async def test_the_first_reply_is_told_before_the_last_has_come(exchange: Exchange) -> None:
    first: list[Received] = []
    answer = exchange.send(b"", 2, 60, first.append)
    exchange.data_received(b":1\r\n")
    await turn()
    assert first == [1]
    assert not answer.done()
    exchange.data_received(b":2\r\n")
    assert await answer == [1, 2]
    assert first == [1]


@pytest.mark.parametrize("said", [b":1\r\n:2\r\n", b"?\r\n"], ids=["too much", "no reply"])
async def test_what_nobody_asked_for_ends_the_connection(
    wire: Wire, exchange: Exchange, said: bytes
) -> None:
    """It would answer the next request."""
    answer = exchange.send(b"", 1, 60)
    exchange.data_received(said)
    assert wire.is_cut
    if said.startswith(b":"):
        assert await answer == [1]
    else:
        with pytest.raises(ConnectionLost, match="no answer"):
            await answer
    with pytest.raises(ConnectionLost):
        await exchange.send(b"", 1, 60)


async def test_all_who_wait_hear_that_the_connection_is_lost(exchange: Exchange) -> None:
    """And so does who asks later, who is not to take it for one that was closed."""
    answers = [exchange.send(b"", 1, 60) for _ in range(3)]
    exchange.connection_lost(OSError("it broke"))
    assert not exchange.is_closed
    for answer in (*answers, exchange.send(b"", 1, 60)):
        with pytest.raises(ConnectionLost, match="it broke"):
            await answer


async def test_a_request_that_takes_too_long_ends_the_connection(
    wire: Wire, exchange: Exchange
) -> None:
    answer = exchange.send(b"", 1, 0.01)
    with pytest.raises(TimeoutError):
        await answer
    assert wire.is_cut


async def test_each_request_has_its_own_time(exchange: Exchange) -> None:
    """Though the timer of the first is still there, for a later moment or an earlier one."""
    for wait_s in (60, 0.05, 60, 0.1):
        answer = exchange.send(b"", 1, wait_s)
        exchange.data_received(b":1\r\n")
        await answer
    await asyncio.sleep(0.2)  # past both short ones, which nobody waits for any more
    answer = exchange.send(b"", 1, 60)
    exchange.data_received(b":2\r\n")
    assert await answer == [2]
    long, short = exchange.send(b"", 1, 60), exchange.send(b"", 1, 0.01)
    done, _ = await asyncio.wait([long, short], timeout=10)
    assert [type(answer.exception()) for answer in done] == [TimeoutError] * 2


def test_a_timer_that_has_no_time_left_is_one_like_others() -> None:
    """Of uvloop it is a handle that does not know its moment."""

    async def main() -> None:
        exchange = Exchange(Wire())
        for wait_s in (0.0003, 60):
            answer = exchange.send(b"", 1, wait_s)
            exchange.data_received(b":1\r\n")
            await answer
        exchange.close()

    uvloop.run(main())


async def test_one_timer_serves_many_requests(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    set_, at = [], loop.call_at

    def counted(*args: object, **options: object) -> asyncio.TimerHandle:
        set_.append(args)
        return at(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_at", counted)
    for _ in range(100):
        answer = exchange.send(b"", 1, 60)
        exchange.data_received(b":1\r\n")
        await answer
    assert len(set_) == 1


async def test_closed_it_leaves_no_timer_and_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []
    at = loop.call_at

    def kept(*args: object, **options: object) -> asyncio.TimerHandle:
        timers.append(at(*args, **options))  # type: ignore[arg-type]
        return timers[-1]

    monkeypatch.setattr(loop, "call_at", kept)
    exchange = Exchange(Wire())
    answer = exchange.send(b"", 1, 60)
    exchange.close()
    assert all(timer.cancelled() for timer in timers)
    with pytest.raises(ConnectionLost):
        await answer


async def test_who_gave_up_waiting_takes_no_reply_from_others(exchange: Exchange) -> None:
    """Should it not have closed the connection."""
    given_up, answer = exchange.send(b"", 1, 60), exchange.send(b"", 1, 60)
    given_up.cancel()
    exchange.data_received(b":1\r\n:2\r\n")
    assert await answer == [2]
