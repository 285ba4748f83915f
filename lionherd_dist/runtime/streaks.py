"""Calls that came in one entry, of a job of which one at a time may run: one after the other.

A streak is for calls that end at once. What takes longer than a moment ends it, and the rest goes
back to the server with the end of the call that did: so a worker is never held by a streak, and
what follows a call that takes its time begins when the server knows of that call's end.
"""

import asyncio

from lionherd_dist.store.calls import Done, Next, Settled, Taken

STREAK_S = 0.005


class Streaks:
    """Those in the hand of one executor."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._until: dict[bytes, float] = {}

    def begin(self, taken: Taken) -> None:
        """*taken* is the first call of its entry, and has a rest."""
        self._until[taken.entry] = self._loop.time() + STREAK_S

    def step(self, settled: Settled, *, is_in_the_way: bool) -> tuple[Settled, Taken | None]:
        """What to tell of a call that has a rest, and the call that is to begin now, if one is.

        Nothing begins that *is_in_the_way* of what has to be alone.
        """
        taken = settled.taken
        until = self._until.pop(taken.entry)
        if not isinstance(settled, Done) or settled.ending == "cancelled":
            return settled, None
        if is_in_the_way or self._loop.time() >= until:
            return settled, None
        following = taken.following()
        if following.rest:
            self._until[taken.entry] = until
        return Next(taken, settled.outcome, settled.ending), following
