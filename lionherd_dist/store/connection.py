"""One connection to the server: requests take turns, nothing is retried here, nothing is pooled."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias, cast

from redis.exceptions import NoScriptError, RedisError, ResponseError

from lionherd_dist.address import Address
from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store.dialing import ANSWER_S, AsyncLink
from lionherd_dist.store.lines import Line
from lionherd_dist.store.scripts import Script
from lionherd_dist.store.trouble import translate
from lionherd_dist.url import address_of

Argument: TypeAlias = str | bytes | int | float
Reply: TypeAlias = "bytes | int | list[Reply] | None"
Command: TypeAlias = tuple[Argument, ...]


class Connection:
    """A connection that reconnects on its next use after an error, to wherever the server is then.

    Args:
        where: the address, or its URL.
        name: what the server lists the connection as.
        namespace: whose keys it is for; a cluster's address needs one.

    A request that failed may or may not have been carried out.

    Raises, from every request:
        StoreUnavailableError: no answer, or one that passes.
        StoreRefusedError: the same answer would come again.
    """

    def __init__(self, where: str | Address, *, name: str, namespace: str | None = None) -> None:
        address = address_of(where)
        self.address = str(address)
        self._line = Line(address, name=name, namespace=namespace)
        self._turn = asyncio.Lock()

    async def call(self, *command: Argument, wait_s: float = ANSWER_S) -> Reply:
        """The reply to one command; *wait_s* is how long the server may take."""
        async with self._turn:
            try:
                link = await self._line.open()
                await link.send_packed_command(link.pack_command(*command))
                return await _read(link, wait_s)
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error

    async def pipeline(self, commands: Sequence[Command]) -> list[Reply]:
        """The replies to several commands, sent in one go and carried out in order."""
        async with self._turn:
            try:
                return await self._exchange(commands)
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Reply:
        """The reply of *script*, which is sent along if the server does not know it."""
        (reply,) = await self.run_all([(script, keys, args)])
        return reply

    async def run_all(
        self, requests: Sequence[tuple[Script, Sequence[str], Sequence[Argument]]]
    ) -> list[Reply]:
        """The replies of several independent scripts, sent in one go and carried out in order.

        Where the server knew a script not, the whole batch is sent again: each is idempotent.
        """
        commands: list[Command] = [
            ("EVALSHA", script.sha, len(keys), *keys, *args) for script, keys, args in requests
        ]
        async with self._turn:
            try:
                try:
                    return await self._exchange(commands)
                except NoScriptError:
                    texts = {script.text for script, _, _ in requests}
                    loads: list[Command] = [("SCRIPT", "LOAD", text) for text in texts]
                    return (await self._exchange([*loads, *commands]))[len(loads) :]
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        link = await self._line.open()
        await link.send_packed_command(link.pack_commands(commands))
        replies: list[Reply] = []
        refused: ResponseError | None = None
        for _ in commands:  # read every reply, or the next request would get this one's
            try:
                replies.append(await _read(link, ANSWER_S))
            except ResponseError as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return replies

    async def _translated(self, error: Exception) -> Exception:
        ours = translate(error, self.address)
        if isinstance(ours, StoreUnavailableError):
            await self.close()  # what is still under way on it must not answer a later request
        return ours

    async def close(self) -> None:
        """Close the connection; the next request opens it again."""
        await self._line.close()


async def _read(link: AsyncLink, wait_s: float) -> Reply:
    """The next reply; the connection is closed when there is none within *wait_s*.

    Not by read_response's own timeout: then it gives None, which looks like a reply, and leaves the
    connection open, on which the reply that is still due would answer the next request.
    """
    link.socket_timeout = wait_s
    return cast("Reply", await link.read_response(disable_decoding=True))
