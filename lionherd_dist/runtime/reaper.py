"""Sees to what dead processes left: calls are given on, jobs given up, tokens lent again.

Jobs of which something is gone from the server are ended, too. Every worker looks, a few times per
session; a look is two or three short scripts and finds nothing, nearly always. Which worker finds a
dead session first does not matter. None looks as soon as it begins: after a silence of the server
all sessions have expired, and those who live need a moment to say so.
"""

import contextlib
import logging
from collections.abc import Callable

import anyio

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.logs import note
from lionherd_dist.settings import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.jobs import check_jobs
from lionherd_dist.store.keys import Keys, type_of
from lionherd_dist.store.limits import tend
from lionherd_dist.store.sessions import Reaped, reap
from lionherd_dist.telemetry import KEYS_SET_ASIDE, TAKEOVERS, Recorder

LOOKS_PER_SESSION = 3
CHECKED = 20  # jobs that nobody may read, at each look


async def reap_the_dead(
    connection: Connection, keys: Keys, settings: Settings, recorder: Recorder
) -> None:
    """Reap expired sessions, until cancelled."""
    while True:
        await anyio.sleep(settings.session_s / LOOKS_PER_SESSION)
        with contextlib.suppress(StoreUnavailableError):  # looked again as soon as it would be
            await reap_all(connection, keys, lambda reaped: _tell(reaped, keys, recorder))
            await check_jobs(connection, keys, (), others=CHECKED)


async def reap_all(connection: Connection, keys: Keys, on_reaped: Callable[[Reaped], None]) -> None:
    """See once to all that dead sessions left; *on_reaped* is told of each part of it.

    Raises:
        StoreUnavailableError: the server did not answer; some of it may have been seen to.
    """
    reaped = None
    while reaped is None or reaped.more:
        reaped = await reap(connection, keys)
        on_reaped(reaped)
    if reaped.limited:
        await tend(connection, keys)


def _tell(reaped: Reaped, keys: Keys, recorder: Recorder) -> None:
    for name in reaped.set_aside:
        recorder.record(KEYS_SET_ASIDE)
        note(logging.ERROR, "key set aside", key=keys.prefix + name, expected=type_of(name) or "")
    if reaped.given_on or reaped.given_up:
        recorder.record(TAKEOVERS, reaped.given_on)
        told = {"calls_given_on": reaped.given_on, "jobs_given_up": reaped.given_up}
        note(logging.WARNING, "takeover", **told)
