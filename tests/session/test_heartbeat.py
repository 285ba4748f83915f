"""A session lives while its process does, and is given up before others may take over."""

import time

import anyio
import anyio.lowlevel
import pytest
from helpers import wait_until

from lionherd_dist import Settings
from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.session.heartbeat import Heartbeat, Pulse
from lionherd_dist.session.session import open_session
from lionherd_dist.session.trust import Trust, uptime_s
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.sessions import NO_CAPACITY, Alive, Beat, Lost

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("silent_s", "stalled_s", "reason"),
    [
        (0.0, 0.0, None),
        (11.9, 0.0, None),
        (12.1, 0.0, "no beat was answered for 12.1 s"),
        (0.0, 149.0, None),
        (0.0, 151.0, "the event loop has not turned for 151.0 s"),
    ],
)
def test_a_pulse_says_why_a_session_is_lost(
    silent_s: float, stalled_s: float, reason: str | None
) -> None:
    """Before the server would hold it for expired."""
    pulse = Pulse(session_s=15, stall_limit_s=150)
    assert pulse.lost_because(silent_s=silent_s, stalled_s=stalled_s) == reason


def test_without_a_stall_limit_a_blocked_loop_keeps_its_session() -> None:
    """None never gives up for that."""
    assert Pulse(15, None).lost_because(silent_s=0, stalled_s=1e9) is None


class Line:
    """A beat connection that answers as it is told."""

    def __init__(self, *answers: Beat | Exception) -> None:
        self.answers, self.beats, self.closed = list(answers), 0, False

    def beat(self, within_s: float) -> Beat:
        self.beats += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


async def _lost(line: Line, *, session_s: float = 0.03) -> str:
    reasons: list[str] = []
    heart = Heartbeat(
        line,
        Pulse(session_s, None),
        ServerClock(0),
        Trust(session_s, uptime_s()),
        on_lost=reasons.append,
    )
    heart.start()
    await wait_until(lambda: bool(reasons), description="the heartbeat gave the session up")
    heart.stop()
    assert line.closed
    assert len(reasons) == 1
    return reasons[0]


async def test_the_servers_word_ends_a_session() -> None:
    """Once, and the beating stops."""
    line = Line(Alive(1), Alive(2), Lost())
    assert "expired" in await _lost(line)
    assert line.beats == 3


async def test_silence_ends_a_session_in_time() -> None:
    """Errors are borne until most of the session is over; then it is given up."""
    line = Line(StoreUnavailableError("cut"))
    assert "no beat was answered" in await _lost(line, session_s=0.5)
    assert line.beats >= 2


async def test_a_passing_error_ends_nothing(redis_url: str) -> None:
    """The next beat is answered."""
    line = Line(Alive(1), StoreUnavailableError("cut"), Alive(2))
    reasons: list[str] = []
    trust = Trust(0.3, uptime_s())
    heart = Heartbeat(line, Pulse(0.3, None), ServerClock(0), trust, on_lost=reasons.append)
    heart.start()
    await wait_until(lambda: line.beats >= 6, description="six beats")
    heart.stop()
    assert reasons == []


async def test_a_blocked_event_loop_keeps_its_session(
    redis_url: str, connection: Connection
) -> None:
    """The thread beats while synchronous code holds the loop for two sessions."""
    settings = Settings(namespace="blocked-loop", session_s=1)
    keys, reasons = Keys(settings.namespace), []
    async with open_session(
        redis_url, connection, keys, settings, capacity=NO_CAPACITY, on_lost=reasons.append
    ) as session:
        time.sleep(2.2)  # noqa: ASYNC251 (blocking the loop is the point)
        await anyio.lowlevel.checkpoint()
        score = await connection.call("ZSCORE", keys.sessions, session.id)
        assert isinstance(score, bytes)
        assert float(score) > session.clock.now_ms()
    assert reasons == []
    assert await connection.call("EXISTS", keys.sessions) == 0


async def test_a_session_given_up_for_a_stalled_loop_expires_by_itself(
    redis_url: str, connection: Connection
) -> None:
    """So that what was in hand counts it as a death: what stalls each worker is found one day."""
    settings = Settings(namespace="stalled-loop", session_s=1, stall_limit_s=0.2)
    keys, reasons = Keys(settings.namespace), []
    async with open_session(
        redis_url, connection, keys, settings, capacity=NO_CAPACITY, on_lost=reasons.append
    ) as session:
        time.sleep(0.8)  # noqa: ASYNC251 (blocking the loop is the point)
        await wait_until(lambda: bool(reasons), description="the session was given up")
    assert "has not turned" in reasons[0]
    assert await connection.call("ZSCORE", keys.sessions, session.id) is not None
    await connection.call("DEL", keys.sessions, keys.places)


def test_the_servers_clock_goes_on_between_two_readings() -> None:
    """In milliseconds, from the last reading."""
    clock = ServerClock(1_000_000)
    assert 0 <= clock.now_ms() - 1_000_000 < 1_000
    clock.read(2_000_000)
    assert 59 < clock.left_s(2_060_000) <= 60
    assert clock.left_s(1_999_000) < -0.9
