"""What becomes of requests for tokens while one session ends and the next one begins."""

from collections.abc import Sequence

import anyio
import pytest
from helpers import wait_until

from lionherd_dist.limiter.desk import Desk
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.session.session import Session
from lionherd_dist.session.trust import Trust, uptime_s
from lionherd_dist.settings import Settings
from lionherd_dist.store.connection import Reply
from lionherd_dist.store.jobs import Request
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Limiters that processes share run on asyncio."""
    return "asyncio"


class Silence:
    """A connection to a server that gives no answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, object]] = []  # the first number, and how many

    async def run_all(self, requests: Sequence[Request]) -> list[Reply]:
        self.asked += [(args[6], args[7]) for _, _, args in requests]
        await anyio.sleep_forever()
        return []


async def _ready() -> None:
    """There is always a session to be had."""


def new_session(name: str) -> Session:
    return Session(name, ServerClock(0), Trust(15.0, uptime_s()), b"0")


async def test_what_a_cancelled_message_asked_for_is_asked_for_in_the_next_session() -> None:
    """Also when it was sent after the loss was known, or before anybody could know."""
    desk = Desk(Keys("test"), Settings(), _ready)
    book = desk.book("api", 1)
    first, second = Silence(), Silence()
    async with anyio.create_task_group() as group:
        group.start_soon(desk.serve, first, new_session("a"), lambda: None)
        book.ask()
        await wait_until(lambda: bool(first.asked), description="the first session asks")
        group.cancel_scope.cancel()
    async with anyio.create_task_group() as group:
        group.start_soon(desk.serve, second, new_session("b"), lambda: None)
        await wait_until(lambda: bool(second.asked), description="the second session asks")
        group.cancel_scope.cancel()
    assert (first.asked, second.asked) == ([(1, 1)], [(2, 1)])


async def test_nothing_is_asked_for_in_a_session_that_is_lost() -> None:
    """Between the loss and the end of its desk's work, others come to ask."""
    desk = Desk(Keys("test"), Settings(), _ready)
    book, line = desk.book("api", 1), Silence()
    async with anyio.create_task_group() as group:
        group.start_soon(desk.serve, line, new_session("a"), lambda: None)
        await anyio.wait_all_tasks_blocked()
        desk.lose("as told")
        book.ask()
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert line.asked == []
