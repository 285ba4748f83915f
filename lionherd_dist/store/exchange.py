"""Requests and their replies on an open connection, and how long they may take.

redis-py opens a connection, TLS and login included; after that the bytes are ours. Its own way from
a reply to whoever waits leads through a stream and four coroutines, which took a third of the time
of a small request; this one is a future.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import TypeAlias, cast

import hiredis
from redis.asyncio.connection import DefaultParser
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, RedisError

Reply: TypeAlias = "bytes | int | list[Reply] | None"
Received: TypeAlias = "Reply | RedisError"
OnFirst: TypeAlias = Callable[[Received], None]
Replies: TypeAlias = asyncio.Future[list[Received]]

# Which of redis-py's errors a server's text stands for.
_error_of = cast("Callable[[str], Exception]", DefaultParser(socket_read_size=1).parse_error)


class _Asked:
    """A request under way: what it has got so far, and who waits for the rest."""

    __slots__ = ("answer", "count", "on_first", "replies", "until")

    def __init__(self, answer: Replies, count: int, until: float, on_first: OnFirst | None) -> None:
        self.answer, self.count, self.until, self.on_first = answer, count, until, on_first
        self.replies: list[Received] = []


class Exchange(asyncio.Protocol):
    """Requests on *transport*, which the server answers in the order in which they are sent."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport, self._loop = transport, asyncio.get_running_loop()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=_error_of)
        self._asked: deque[_Asked] = deque()
        self._trouble: Exception | None = None
        self._is_closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf  # uvloop's handles do not always know
        transport.set_protocol(self)

    @property
    def is_closed(self) -> bool:
        """True once we have closed it. One that was lost is not: it tells the next who asks."""
        return self._is_closed

    def send(
        self, request: bytes, count: int, wait_s: float, on_first: OnFirst | None = None
    ) -> Replies:
        """The *count* replies to *request*, errors of the server's included, in at most *wait_s*.

        Whoever gives up waiting is to ``close`` this. *on_first* gets the first reply as it comes,
        before anybody gets all of them; an error of its own would end the connection.

        Raises:
            TimeoutError: from the future; there was no answer in time.
            redis.exceptions.ConnectionError: from it; the connection is lost, or no use any more.
        """
        answer: Replies = self._loop.create_future()
        if self._trouble is not None:
            answer.set_exception(self._trouble)
            return answer
        until = self._loop.time() + wait_s
        self._asked.append(_Asked(answer, count, until, on_first))
        if self._timer is None or self._rings_at > until:
            self._ring_at(until)
        self._transport.write(request)
        return answer

    def data_received(self, data: bytes) -> None:
        """Give each request its replies."""
        asked = self._asked
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if not asked:
                    self._end(ConnectionLost("it sent more than was asked for"))
                    return
                head = asked[0]
                head.replies.append(cast("Received", reply))
                if head.on_first is not None:
                    on_first, head.on_first = head.on_first, None
                    on_first(reply)
                if len(head.replies) == head.count:
                    asked.popleft()
                    if not head.answer.done():
                        head.answer.set_result(head.replies)
        except RedisError as error:
            self._end(ConnectionLost(f"it sent what is no answer: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all who wait."""
        self._end(ConnectionLost(str(exc) if exc else "it closed the connection"))

    def close(self) -> None:
        """Close the connection; who still waits gets an error."""
        self._is_closed = True
        self._end(ConnectionLost("the connection was closed"))

    def _end(self, trouble: Exception) -> None:
        if self._trouble is not None:
            return
        self._trouble = trouble
        self._transport.abort()
        while self._asked:
            answer = self._asked.popleft().answer
            if not answer.done():
                answer.set_exception(trouble)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = moment
        self._timer = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        """One timer for many requests: nearly all are answered when it looks."""
        self._timer = None
        if not self._asked:
            return
        until = min(one.until for one in self._asked)
        if self._loop.time() < until:
            self._ring_at(until)
        else:
            self._end(TimeoutError("there was no answer in time"))
