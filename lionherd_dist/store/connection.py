"""One connection to the server: requests take turns, nothing is retried here, nothing is pooled.

redis-py's own retries send a request again whose reply was lost, which doubles writes; so they are
off, and this package repeats whole requests that are idempotent by id (see ``patience.py``).
"""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias, cast

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store.scripts import Script
from lionherd_dist.store.trouble import translate

Argument: TypeAlias = str | bytes | int | float
Reply: TypeAlias = "bytes | int | list[Reply] | None"
Command: TypeAlias = tuple[Argument, ...]

CONNECT_S = 5.0
ANSWER_S = 10.0  # longest a server may take over one request


def redacted(url: str) -> str:
    """*url* without its user and password, for messages."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}".partition("?")[0]


def connection_options(name: str) -> dict[str, object]:
    """What both the async and the blocking connection are opened with."""
    return {
        "client_name": name,
        "protocol": 2,
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": ANSWER_S,
        "health_check_interval": 0,
    }


class Connection:
    """A connection that reconnects on its next use after an error.

    A request that failed may or may not have been carried out.

    Raises, from every request:
        StoreUnavailableError: no answer, or one that passes.
        StoreRefusedError: the same answer would come again.
    """

    def __init__(self, url: str, *, name: str) -> None:
        self.address = redacted(url)
        try:
            pool = ConnectionPool.from_url(
                url, retry=Retry(NoBackoff(), 0), **connection_options(name)
            )
        except ValueError as error:
            raise ValueError(f"{self.address}: {error}") from error
        self._link = pool.make_connection()
        self._turn = asyncio.Lock()

    async def call(self, *command: Argument, wait_s: float = ANSWER_S) -> Reply:
        """The reply to one command; *wait_s* is how long the server may take."""
        async with self._turn:
            try:
                await self._link.connect()
                await self._link.send_packed_command(self._link.pack_command(*command))
                return cast("Reply", await self._read(wait_s))
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
        await self._link.connect()
        await self._link.send_packed_command(self._link.pack_commands(commands))
        replies: list[Reply] = []
        refused: ResponseError | None = None
        for _ in commands:  # read every reply, or the next request would get this one's
            try:
                replies.append(cast("Reply", await self._read(ANSWER_S)))
            except ResponseError as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return replies

    async def _read(self, wait_s: float) -> object:
        """The next reply; the connection is closed when there is none within *wait_s*.

        Not by read_response's own timeout: then it gives None, which looks like a reply, and leaves
        the connection open, on which the reply that is still due would answer the next request.
        """
        self._link.socket_timeout = wait_s
        return await self._link.read_response(disable_decoding=True)

    async def _translated(self, error: Exception) -> Exception:
        ours = translate(error, self.address)
        if isinstance(ours, StoreUnavailableError):
            await self.close()  # what is still under way on it must not answer a later request
        return ours

    async def close(self) -> None:
        """Close the connection; the next request opens it again."""
        try:
            await self._link.disconnect(nowait=True)
        except (RedisError, OSError, TimeoutError):
            return  # it is closed, only not politely
