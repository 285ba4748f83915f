"""I am alive: a thread renews the session, so that a busy event loop does not look dead.

alive ──beat answered──▶ alive
  │
  ├── the server says the session is gone ────────────┐
  ├── no beat answered for most of a session ─────────┼──▶ lost: on_lost, once, and it ends
  └── the event loop has not turned for stall_limit ──┘
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lionherd_dist.errors import LionherdError
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.session.lack import Lack
from lionherd_dist.session.trust import TRUSTED_SHARE, Trust, uptime_s
from lionherd_dist.store.sessions import Alive, BeatConnection

BEATS_PER_SESSION = 3
TRIES_PER_BEAT = 4  # a beat that failed is tried again this much sooner
JOIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """How often to beat, and when to give up; seconds."""

    session_s: float
    stall_limit_s: float | None

    @property
    def beat_s(self) -> float:
        """Seconds between two beats."""
        return self.session_s / BEATS_PER_SESSION

    def left_s(self, silent_s: float) -> float:
        """Seconds for which the session can still be trusted, after *silent_s* without an answer.

        What waits for an answer waits no longer than that: who cannot renew its session stops
        before others may take over what is its.
        """
        return max(0.0, self.session_s * TRUSTED_SHARE - silent_s)

    def lost_because(self, *, silent_s: float, stalled_s: float) -> str | None:
        """Why the session can no longer be trusted; None while it can."""
        if self.left_s(silent_s) <= 0:
            return f"no beat was answered for {silent_s:.1f} s"
        if self.stall_limit_s is not None and stalled_s > self.stall_limit_s:
            return f"the event loop has not turned for {stalled_s:.1f} s"
        return None


class Heartbeat:
    """A daemon thread; *on_lost* is called in the event loop, once, with the reason.

    Attributes:
        stalled: True once the session was given up because the event loop stood still.
    """

    stalled: bool

    def __init__(
        self,
        connection: BeatConnection,
        pulse: Pulse,
        clock: ServerClock,
        trust: Trust,
        *,
        on_lost: Callable[[str], None],
    ) -> None:
        self._connection, self._pulse, self._on_lost = connection, pulse, on_lost
        self._clock, self._trust = clock, trust
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lionherd-heartbeat", daemon=True)
        self._turned_at = time.monotonic()
        self._lack = Lack()
        self.stalled = False

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Stop beating; blocks for at most two seconds, normally for none."""
        self._stop.set()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        wait_s = self._pulse.beat_s
        while not self._stop.wait(wait_s) and threading.main_thread().is_alive():
            reason = self._beat()
            if reason is not None:
                self._in_loop(self._on_lost, reason)
                break
            silent_s = self._trust.silent_s()
            wait_s = self._pulse.beat_s
            if silent_s >= wait_s:
                wait_s = min(wait_s / TRIES_PER_BEAT, self._pulse.left_s(silent_s))
        self._connection.close()

    def _beat(self) -> str | None:
        """Why the session is lost; None while it is not."""
        sent_at, silent_s = uptime_s(), self._trust.silent_s()
        stalled_s = time.monotonic() - self._turned_at
        reason = self._pulse.lost_because(silent_s=silent_s, stalled_s=stalled_s)
        if reason is not None:
            self.stalled = self._pulse.left_s(silent_s) > 0
            return reason
        self._in_loop(self._turned)
        try:
            beat = self._connection.beat(min(self._pulse.beat_s, self._pulse.left_s(silent_s)))
        except LionherdError as error:
            self._lack.note(error)
            return None  # tried again soon; silence has its own limit
        self._lack.over()
        if not isinstance(beat, Alive):
            return "the server holds it for expired"
        self._trust.renewed(sent_at)
        self._clock.read(beat.now_ms)
        return None

    def _turned(self) -> None:
        self._turned_at = time.monotonic()

    def _in_loop(self, function: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            self._stop.set()
