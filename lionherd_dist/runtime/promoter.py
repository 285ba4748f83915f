"""Brings parked calls back when their delay is over: a timer for the next one, no polling.

Each worker minds the calls that it parked; once a session it looks for those of others, which may
have died. It also goes on with jobs that are behind: their calls were too many, or too large, for
one script to release them, or to drop them if they were cancelled.
"""

import asyncio
import math

import anyio

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store.calls import Calls
from lionherd_dist.store.connection import Connection


class Promoter:
    """One timer for all parked calls."""

    def __init__(self, connection: Connection, calls: Calls, *, look_every_s: float) -> None:
        self._connection, self._calls, self._look_every_s = connection, calls, look_every_s
        self._due_at = 0.0
        self._sooner, self._now = asyncio.Event(), asyncio.get_running_loop().time

    def expect(self, delay_ms: int) -> None:
        """A call was parked for *delay_ms* milliseconds."""
        due_at = self._now() + delay_ms / 1000
        if due_at < self._due_at:
            self._due_at = due_at
            self._sooner.set()

    def look(self) -> None:
        """There is something to promote now."""
        self.expect(0)

    async def run(self) -> None:
        """Promote what is due, until cancelled."""
        while True:
            wait_s, self._due_at = self._look_every_s, math.inf  # what is said meanwhile counts
            try:
                left_ms = await self._calls.promote(self._connection)
                if left_ms is not None:
                    wait_s = min(wait_s, left_ms / 1000)
            except StoreUnavailableError:
                wait_s = min(wait_s, 1.0)
            self._due_at = min(self._due_at, self._now() + wait_s)
            await self._until_due()

    async def _until_due(self) -> None:
        while (wait_s := self._due_at - self._now()) > 0:
            self._sooner.clear()
            with anyio.move_on_after(wait_s):
                await self._sooner.wait()
