"""For how long this process may hold its session for its own, without asking anybody."""

import time
from collections.abc import Callable
from functools import partial

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)  # goes on while the machine is suspended
TRUSTED_SHARE = 0.8  # of a session without an answer; the rest is margin for clocks and the loop


# Seconds on a clock that never jumps, and counts a machine's sleep where it can.
uptime_s: Callable[[], float] = (
    time.monotonic if _BOOT is None else partial(time.clock_gettime, _BOOT)
)


class Trust:
    """A session lasts from before the server was asked to renew it; so long is it surely ours.

    Args:
        session_s: the session's length, in seconds.
        asked_at: when the request that opened it was sent, by ``uptime_s``.

    Attributes:
        until: from that moment on, by ``uptime_s``, it may not be ours any more.
    """

    until: float

    __slots__ = ("_trusted_s", "until")

    def __init__(self, session_s: float, asked_at: float) -> None:
        self._trusted_s = session_s * TRUSTED_SHARE
        self.renewed(asked_at)

    def renewed(self, asked_at: float) -> None:
        """The server has renewed the session, as it was asked to at *asked_at*."""
        self.until = asked_at + self._trusted_s

    def silent_s(self) -> float:
        """Seconds since the last request that was answered."""
        return uptime_s() - (self.until - self._trusted_s)

    def left_s(self) -> float:
        """Seconds for which the session is still surely ours; 0 or less when it may not be."""
        return self.until - uptime_s()
