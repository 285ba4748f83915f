"""A line to wherever the server is now: found and opened on use, for the event loop or a thread.

Sentinels may name a server that is no master yet, or no longer; so that is asked of itself, on the
very connection that will be used. In a cluster each request is told if it came to the wrong node.
"""

import os
import time
from collections.abc import Sequence
from typing import cast

from redis.exceptions import RedisError

from lionherd_dist.address import Address, Node
from lionherd_dist.errors import ForkedClientError, LionherdError, StoreUnavailableError
from lionherd_dist.home import Birth
from lionherd_dist.store.dialing import (
    AsyncLink,
    BlockingLink,
    async_link,
    blocking_link,
    transport_of,
)
from lionherd_dist.store.exchange import Exchange
from lionherd_dist.store.finding import ASK_S, Finder, Question
from lionherd_dist.store.trouble import translate

FINDING_NAME = "lionherd-find"


class Line:
    """For the event loop."""

    def __init__(self, address: Address, *, name: str, namespace: str | None) -> None:
        self._address, self._name = address, name
        self._finder = Finder(address, namespace)
        self._link: AsyncLink | None = None
        self._exchange: Exchange | None = None
        self._birth = Birth()

    @property
    def exchange(self) -> Exchange | None:
        """What to ask on, if the connection was opened and we have not closed it.

        Whoever asks on one that was lost hears of it: what a reader was sent may be lost with it.
        """
        exchange = self._exchange
        if exchange is None or exchange.is_closed or self._birth.is_forked:
            return None
        return exchange

    async def open(self) -> Exchange:
        """What to ask on; the connection is made if there is none.

        Raises:
            StoreUnavailableError, StoreRefusedError: the server cannot be found.
            RedisError, OSError: it cannot be reached, or does not let us in.
            ForkedClientError: this process was forked from the one that it is for.
        """
        if self._birth.is_forked:
            raise ForkedClientError(
                f"this connection is that of process {self._birth.pid}, and this is "
                f"{os.getpid()}: open a cluster in each process"
            )
        await self.close()
        node = await self._found()
        link = self._link = async_link(self._address, node, self._name)
        await link.connect()
        if node is not None and self._address.kind == "sentinel":
            await link.send_command("ROLE")
            role = await link.read_response(disable_decoding=True)
            await self._check(role, node)
        self._exchange = Exchange(transport_of(link))
        return self._exchange

    async def close(self) -> None:
        """Close the connection; the next use opens it again."""
        link, self._link = self._link, None
        exchange, self._exchange = self._exchange, None
        if self._birth.is_forked:
            return  # or it would be closed there, too
        if exchange is not None:
            exchange.close()
        if link is not None:
            try:
                await link.disconnect(nowait=True)
            except (RedisError, OSError, TimeoutError):
                return  # it is closed, only not politely

    async def _check(self, role: object, node: Node) -> None:
        trouble = objection(role, node)
        if trouble is not None:
            await self.close()
            raise trouble

    async def _found(self) -> Node | None:
        search = self._finder.search()
        answer: object = None
        while True:
            try:
                question = search.send(answer)
            except StopIteration as end:
                return cast("Node | None", end.value)
            answer = await _asked(question)


async def _asked(question: Question) -> object:
    """The answer to *question*, or the error there was instead."""
    try:
        link = async_link(question.address, question.node, FINDING_NAME)
        link.socket_timeout = link.socket_connect_timeout = ASK_S
        try:
            await link.connect()
            await link.send_command(*question.command)
            return await link.read_response(disable_decoding=True)
        finally:
            await link.disconnect(nowait=True)
    except (RedisError, OSError) as error:
        return translate(error, str(question.node))
    except LionherdError as error:
        return error


def objection(role: object, node: Node) -> StoreUnavailableError | None:
    """What is wrong with a server that says it has *role*; None for a master."""
    match role:
        case [b"master", *_]:
            return None
        case [bytes(other), *_]:
            return StoreUnavailableError(f"{node} is no master but a {other.decode()}")
    return StoreUnavailableError(f"{node} does not say that it is a master")


class BlockingLine:
    """The same for a thread that has no time to lose."""

    def __init__(self, address: Address, *, name: str, namespace: str | None) -> None:
        self._address, self._name = address, name
        self._finder = Finder(address, namespace)
        self._link: BlockingLink | None = None

    def ask(self, *command: str | int, until: float) -> object:
        """The reply to *command*, found, connected and read by the monotonic time *until*.

        Raises:
            StoreUnavailableError, StoreRefusedError: the server cannot be found.
            RedisError, OSError: it cannot be reached, does not let us in, or answers with an error.
        """
        return _ask(self._open(until), command, until)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        link, self._link = self._link, None
        if link is not None:
            link.disconnect()

    def _open(self, until: float) -> BlockingLink:
        if self._link is None:
            node = self._found(until)
            link = self._link = blocking_link(self._address, node, self._name)
            link.socket_timeout = link.socket_connect_timeout = _left_s(until)
            if node is not None and self._address.kind == "sentinel":
                trouble = objection(_ask(link, ("ROLE",), until), node)
                if trouble is not None:
                    raise trouble
        return self._link

    def _found(self, until: float) -> Node | None:
        search = self._finder.search()
        answer: object = None
        while True:
            try:
                question = search.send(answer)
            except StopIteration as end:
                return cast("Node | None", end.value)
            answer = _asked_by(question, until)


def _asked_by(question: Question, until: float) -> object:
    """As ``_asked``, by the monotonic time *until*."""
    try:
        until = min(until, time.monotonic() + ASK_S)
        link = blocking_link(question.address, question.node, FINDING_NAME)
        link.socket_timeout = link.socket_connect_timeout = _left_s(until)
        try:
            return _ask(link, question.command, until)
        finally:
            link.disconnect()
    except (RedisError, OSError) as error:
        return translate(error, str(question.node))
    except LionherdError as error:
        return error


def _ask(link: BlockingLink, command: Sequence[str | int], until: float) -> object:
    link.send_command(*command)
    if not link.can_read(_left_s(until)):
        raise TimeoutError("no answer in time")
    return link.read_response(disable_decoding=True)


def _left_s(until: float) -> float:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("no time left")
    return left_s
