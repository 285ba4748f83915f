"""One connection to the server: requests take turns, nothing is retried here, nothing is pooled."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

import hiredis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from lionherd_dist.address import Address
from lionherd_dist.errors import LionherdError, StoreUnavailableError
from lionherd_dist.store.dialing import ANSWER_S
from lionherd_dist.store.lines import Line
from lionherd_dist.store.scripts import Script
from lionherd_dist.store.trouble import translate
from lionherd_dist.store.watchdog import Watchdog
from lionherd_dist.url import address_of

Argument: TypeAlias = str | bytes | int | float
Reply: TypeAlias = "bytes | int | list[Reply] | None"
Answer: TypeAlias = "Reply | LionherdError"
Command: TypeAlias = tuple[Argument, ...]

# redis-py's async connections pack in Python, which takes six times as long.
_pack = cast("Callable[[Command], bytes]", hiredis.pack_command)  # its stub knows 1-tuples only


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
        self._watchdog = Watchdog()

    async def call(self, *command: Argument, wait_s: float = ANSWER_S) -> Reply:
        """The reply to one command; *wait_s* is how long the server may take."""
        async with self._turn:
            try:
                return (await self._exchange([command], wait_s))[0]
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error

    async def pipeline(self, commands: Sequence[Command]) -> list[Reply]:
        """The replies to several commands, sent in one go and carried out in order."""
        async with self._turn:
            try:
                return await self._exchange(commands)
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error

    async def try_each(self, commands: Sequence[Command]) -> list[Answer]:
        """The same, with an error of ours in place of each reply that was a refusal."""
        async with self._turn:
            try:
                replies = await self._answers(commands)
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error
        return [
            translate(one, self.address) if isinstance(one, ResponseError) else one
            for one in replies
        ]

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

    async def _exchange(self, commands: Sequence[Command], wait_s: float = ANSWER_S) -> list[Reply]:
        replies: list[Reply] = []
        for reply in await self._answers(commands, wait_s):
            if isinstance(reply, ResponseError):
                raise reply
            replies.append(reply)
        return replies

    async def _answers(
        self, commands: Sequence[Command], wait_s: float = ANSWER_S
    ) -> list["Reply | ResponseError"]:
        replies: list[Reply | ResponseError] = []
        with self._watchdog.over(wait_s):
            link = self._line.link or await self._line.open()
            packed = b"".join([_pack(command) for command in commands])
            await link.send_packed_command(packed)
            for _ in commands:  # read every reply, or the next request would get this one's
                try:
                    reply = await link.read_response(disable_decoding=True)
                    replies.append(cast("Reply", reply))
                except ResponseError as error:
                    replies.append(error)
        return replies

    async def _translated(self, error: Exception) -> Exception:
        ours = translate(error, self.address)
        if isinstance(ours, StoreUnavailableError):
            await self.close()  # what is still under way on it must not answer a later request
        return ours

    async def close(self) -> None:
        """Close the connection; the next request opens it again."""
        self._watchdog.close()
        await self._line.close()
