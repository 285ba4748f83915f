"""Tells the server of a worker process that died: its calls go to others now, not a session later.

Only who started a process knows that it has died: a process that is silent may be paused, or cut
off. So the one who started it, and waited for its end, names it to the server by its token.
"""

import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import anyio

from lionherd_dist.address import Address
from lionherd_dist.errors import LionherdError, StoreUnavailableError
from lionherd_dist.printable import printable
from lionherd_dist.runtime.reaper import reap_all
from lionherd_dist.settings import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.patience import pause_s
from lionherd_dist.store.places import CallInHand, Ended, died
from lionherd_dist.store.sessions import Reaped
from lionherd_dist.telemetry import TAKEOVERS, Recorder
from lionherd_dist.url import parse
from lionherd_dist.wire.messages import task_name_in
from lionherd_dist.wire.signing import unsigned

LONGEST_PAUSE_S = 0.25  # the first worker that lives again is to have the calls soon
ONE_TRY_S = 1.0


def ending(status: int) -> str:
    """How a process ended, for people: ``ended with 3``, ``was ended by SIGSEGV``."""
    if status >= 0:
        return f"ended with {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = " (by the kernel, perhaps, as memory ran out)" if -status == signal.SIGKILL else ""
    return f"was ended by {name}{hint}"


def in_hand(ended: Ended) -> str:
    """The calls that a dead process had, for people; "" for none."""
    shown = list(map(_shown, ended.calls))
    return ", ".join([*shown, "and others"] if ended.more else shown)


def _shown(call: CallInHand) -> str:
    name = task_name_in(unsigned(call.payload))
    task = f" ({printable(name, 100)})" if name else ""
    return f"call {call.index} of job {printable(call.job, 100)}{task}"


class Deaths:
    """Tells of deaths to the server at *redis*, a URL; *recorder* hears of what is taken over."""

    def __init__(self, redis: str, settings: Settings, recorder: Recorder) -> None:
        self._redis = redis
        self._settings, self._recorder = settings, recorder
        self._keys = Keys(settings.namespace)

    async def see_to(self, token: str, on_first: Callable[[Ended], None]) -> None:
        """End the sessions of the dead process with *token*, and have what it had given on.

        The server is asked again until it has done that, for the length of a session: by then they
        have expired. *on_first* is told what the process had, once the server has said it.

        Raises:
            StoreRefusedError: the server will not have it.
        """
        attempt, is_told = 0, False
        async with self._connected() as connection:
            with anyio.move_on_after(self._settings.session_s):
                while True:
                    attempt += 1
                    with contextlib.suppress(StoreUnavailableError):
                        ended = await self._end(connection, token)
                        if not is_told:
                            on_first(ended)
                            is_told = True
                        if not ended.sessions:
                            return
                    await anyio.sleep(min(LONGEST_PAUSE_S, pause_s(attempt)))

    async def try_once(self, tokens: Iterable[str]) -> None:
        """The same for several processes, each asked for once, in a short time.

        For the end of who started them. What the server does not hear of expires by itself.
        """
        async with self._connected() as connection:
            with anyio.move_on_after(ONE_TRY_S), contextlib.suppress(LionherdError):
                for token in tokens:
                    await self._end(connection, token)

    async def _end(self, connection: Connection, token: str) -> Ended:
        ended = await died(connection, self._keys, token)
        await reap_all(connection, self._keys, self._record)
        return ended

    def _record(self, reaped: Reaped) -> None:
        if reaped.given_on:
            self._recorder.record(TAKEOVERS, reaped.given_on)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        namespace = self._settings.namespace
        address: Address = parse(self._redis)
        connection = Connection(address, name="lionherd-deaths", namespace=namespace)
        try:
            yield connection
        finally:
            with anyio.CancelScope(shield=True):
                await connection.close()
