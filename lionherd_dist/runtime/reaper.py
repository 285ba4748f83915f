"""Sees to what dead processes left: calls are given on, jobs given up, tokens lent again.

Every worker looks, a few times per session; a look is one short script and finds nothing, nearly
always. Which of them finds a dead session first does not matter. None looks as soon as it begins:
after a silence of the server all sessions have expired, and those who live need a moment to say so.
"""

import anyio

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.settings import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.limits import tend
from lionherd_dist.store.sessions import reap

LOOKS_PER_SESSION = 3


async def reap_the_dead(connection: Connection, keys: Keys, settings: Settings) -> None:
    """Reap expired sessions, until cancelled."""
    while True:
        await anyio.sleep(settings.session_s / LOOKS_PER_SESSION)
        try:
            while (await reap(connection, keys, session_ms=settings.session_ms)).more:
                pass
            await tend(connection, keys)
        except StoreUnavailableError:
            pass  # looked again as soon as it would have been anyway
