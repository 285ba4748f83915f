"""One connection to the server: requests take turns, nothing is retried here, nothing is pooled."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar, cast

import hiredis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from lionherd_dist.address import Address
from lionherd_dist.errors import LionherdError, StoreUnavailableError
from lionherd_dist.store.dialing import ANSWER_S
from lionherd_dist.store.exchange import Exchange, OnFirst, Received, Reply
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.lines import Line
from lionherd_dist.store.mending import Damage, damage_of, new_group, settings_aside
from lionherd_dist.store.scripts import Script
from lionherd_dist.store.trouble import translate
from lionherd_dist.url import address_of

T = TypeVar("T")

MOST_MENDED = 2  # times, for one request: a key that was set aside may have held the group, too

Argument: TypeAlias = str | bytes | int | float
Answer: TypeAlias = "Reply | LionherdError"
Command: TypeAlias = tuple[Argument, ...]
Request: TypeAlias = tuple[Script, Sequence[str], Sequence[Argument]]

# redis-py's async connections pack in Python, which takes six times as long.
_pack = cast("Callable[[Command], bytes]", hiredis.pack_command)  # its stub knows 1-tuples only


def _evalsha(request: Request) -> Command:
    script, keys, args = request
    return ("EVALSHA", script.sha, len(keys), *keys, *args)


class Connection:
    """A connection that reconnects on its next use after an error, to wherever the server is then.

    Args:
        where: the address, or its URL.
        name: what the server lists the connection as.
        namespace: whose keys it is for; a cluster's address needs one.

    A request that failed may or may not have been carried out. One that met a key of a wrong type,
    or no group of workers, is made once more after that was mended, where the namespace is known.

    Raises, from every request:
        StoreUnavailableError: no answer, or one that passes.
        StoreRefusedError: the same answer would come again.
    """

    address: str

    def __init__(
        self,
        where: str | Address,
        *,
        name: str,
        namespace: str | None = None,
    ) -> None:
        address = address_of(where)
        self.address = str(address)
        self._line = Line(address, name=name, namespace=namespace)
        self._turn = asyncio.Lock()
        self._keys = None if namespace is None else Keys(namespace)

    async def call(self, *command: Argument, wait_s: float = ANSWER_S) -> Reply:
        """The reply to one command; *wait_s* is how long it may take, and a connection to open."""
        return (await self._mended(lambda: self._exchange([command], wait_s), [command]))[0]

    async def pipeline(self, commands: Sequence[Command]) -> list[Reply]:
        """The replies to several commands, sent in one go and carried out in order."""
        return await self._mended(lambda: self._exchange(commands), commands)

    async def try_each(self, commands: Sequence[Command]) -> list[Answer]:
        """The same, with an error of ours in place of each reply that was a refusal."""
        async with self._turn:
            try:
                replies = await self._answers(commands)
                for one in replies:
                    if isinstance(one, RedisError) and not isinstance(one, ResponseError):
                        raise one  # the server is not there yet
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error
        return [self._answer(one) for one in replies]

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Reply:
        """The reply of *script*, which is sent along if the server does not know it."""
        (reply,) = await self.run_all([(script, keys, args)])
        return reply

    async def run_all(self, requests: Sequence[Request]) -> list[Reply]:
        """The replies of several independent scripts, sent in one go and carried out in order.

        Where the server knew a script not, the whole batch is sent again: each is idempotent.
        """
        return await self._mended(lambda: self._run(requests))

    async def _run(self, requests: Sequence[Request]) -> list[Reply]:
        commands = [_evalsha(request) for request in requests]
        try:
            return await self._exchange(commands)
        except NoScriptError:
            texts = {script.text for script, _, _ in requests}
            loads: list[Command] = [("SCRIPT", "LOAD", text) for text in texts]
            return (await self._exchange([*loads, *commands]))[len(loads) :]

    async def _mended(
        self, request: Callable[[], Awaitable[T]], commands: Sequence[Command] = ()
    ) -> T:
        """The answer to *request*, made again where what its *commands* met could be mended."""
        async with self._turn:
            try:
                for _ in range(MOST_MENDED):
                    try:
                        return await request()
                    except ResponseError as error:
                        if self._keys is None or not await self._mend(self._keys, error, commands):
                            raise
                return await request()
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error

    async def _mend(self, keys: Keys, error: ResponseError, commands: Sequence[Command]) -> bool:
        match damage_of(error):
            case Damage.NO_GROUP:
                await self._answers([new_group(keys)])  # BUSYGROUP: another process was faster
                return True
            case Damage.WRONG_TYPE if requests := settings_aside(keys, commands):
                await self._run(requests)
                return True
        return False

    async def run_ahead(
        self, request: Request, on_ran: Callable[[Answer], None], *command: Argument
    ) -> Reply:
        """The reply to *command*, with a script sent ahead of it in the same bytes.

        *on_ran* gets the script's reply, or the error there was, as soon as it is there, and is not
        called where the connection broke before. A script that the server does not know was not
        run, and is not sent again.
        """

        def ran(reply: Received) -> None:
            on_ran(self._answer(reply))

        async with self._turn:
            try:
                reply = (await self._answers([_evalsha(request), command], on_first=ran))[1]
                if isinstance(reply, RedisError):
                    raise reply
            except (RedisError, OSError) as error:
                raise await self._translated(error) from error
        return reply

    async def _exchange(self, commands: Sequence[Command], wait_s: float = ANSWER_S) -> list[Reply]:
        replies: list[Reply] = []
        for reply in await self._answers(commands, wait_s):
            if isinstance(reply, RedisError):
                raise reply
            replies.append(reply)
        return replies

    async def _answers(
        self,
        commands: Sequence[Command],
        wait_s: float = ANSWER_S,
        on_first: OnFirst | None = None,
    ) -> list[Received]:
        exchange = self._line.exchange or await self._opened(wait_s)
        request = b"".join([_pack(command) for command in commands])
        try:
            return await exchange.send(request, len(commands), wait_s, on_first)
        except BaseException:  # its replies may still come: they are not to answer the next one
            exchange.close()
            raise

    async def _opened(self, wait_s: float) -> Exchange:
        async with asyncio.timeout(wait_s):
            return await self._line.open()

    def _answer(self, reply: Received) -> Answer:
        return translate(reply, self.address) if isinstance(reply, RedisError) else reply

    async def _translated(self, error: Exception) -> Exception:
        ours = translate(error, self.address)
        if isinstance(ours, StoreUnavailableError):
            await self.close()  # what is still under way on it must not answer a later request
        return ours

    async def close(self) -> None:
        """Close the connection; the next request opens it again."""
        await self._line.close()
