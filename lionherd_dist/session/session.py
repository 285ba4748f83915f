"""Opening and closing a session around a block."""

import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.to_thread

from lionherd_dist.address import Address
from lionherd_dist.errors import LionherdError, StoreRefusedError
from lionherd_dist.logs import note
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.session.heartbeat import JOIN_S, Heartbeat, Pulse
from lionherd_dist.session.lack import Lack
from lionherd_dist.session.own_place import own_place
from lionherd_dist.session.trust import Trust, uptime_s
from lionherd_dist.settings import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.patience import persist
from lionherd_dist.store.sessions import BeatConnection, Capacity, Welcome, hello, quit_

QUIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Session:
    """This process in the namespace.

    Args:
        id: new at every start and after every loss; 48 random bits.
        clock: server time.
        trust: how long it is surely still ours.
        control_id: the control message after which this session has to listen.
    """

    id: str
    clock: ServerClock
    trust: Trust
    control_id: bytes


def new_id() -> str:
    """A session id that no other process has, not even a copy of this one."""
    return secrets.token_hex(6)


@asynccontextmanager
async def open_session(
    where: str | Address,
    connection: Connection,
    keys: Keys,
    settings: Settings,
    *,
    capacity: Capacity,
    on_lost: Callable[[str], None],
    is_first: bool = True,
) -> AsyncIterator[Session]:
    """A session of this process, renewed until the block is left; *on_lost* runs in the loop.

    *capacity* is what a worker brings; ``NO_CAPACITY`` for a client. *is_first*: this process had
    none before, so that somebody who has just started it would rather hear than wait of what only
    an operator can mend.

    Raises:
        StoreUnavailableError: the server was silent for ``patience_s``.
        StoreRefusedError: it will not have us.
    """
    tried: list[str] = []
    trust, place = Trust(settings.session_s, uptime_s()), own_place()
    lack = Lack(refuses=is_first)

    async def register() -> Welcome | None:
        trust.renewed(uptime_s())
        tried.append(new_id())  # for each try: the last may have been registered unheard
        with lack.noted():
            return await hello(
                *(connection, keys, tried[-1]),
                ttl_ms=settings.session_ms,
                capacity=capacity,
                place=place,
            )

    try:
        welcome = await persist(register, patience_s=settings.patience_s)
        await _leave(connection, keys, tried[:-1])
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await _leave(connection, keys, tried[-1:], patience_s=0)
        raise
    id_ = tried[-1]
    if welcome is None:
        raise StoreRefusedError(f"the session id {id_} is taken; start again for another")
    clock = ServerClock(welcome.now_ms)
    beats = BeatConnection(where, keys, id_, settings.session_ms, capacity=capacity, place=place)
    pulse = Pulse(settings.session_s, settings.stall_limit_s)
    heartbeat = Heartbeat(beats, pulse, clock, trust, on_lost=on_lost)
    heartbeat.start()
    pid = os.getpid()
    note(logging.INFO, "session begun", session=id_, namespace=settings.namespace)
    try:
        yield Session(id_, clock, trust, welcome.control_id)
    finally:
        if os.getpid() == pid:  # in a forked process it is not ours, and the thread is not here
            with anyio.CancelScope(shield=True):
                await _stop(heartbeat)
                if not heartbeat.stalled:  # else it expires, as a death: endless stalls are found
                    await _leave(connection, keys, [id_])


async def _stop(heartbeat: Heartbeat) -> None:
    own = anyio.CapacityLimiter(1)
    with anyio.move_on_after(JOIN_S):  # an event loop that a fork has hurt hears of no thread
        await anyio.to_thread.run_sync(heartbeat.stop, limiter=own, abandon_on_cancel=True)


async def _leave(
    connection: Connection, keys: Keys, ids: Sequence[str], *, patience_s: float = QUIT_S
) -> None:
    """End the sessions *ids*, bounded; what the server does not hear of expires by itself."""
    with anyio.move_on_after(QUIT_S), contextlib.suppress(LionherdError):
        for id_ in ids:
            await persist(partial(quit_, connection, keys, id_), patience_s=patience_s)
