"""What this process says to the server for its limiters, when a session ends at a bad moment."""

from collections.abc import Awaitable, Callable, Sequence

import anyio
import anyio.lowlevel
import pytest
from helpers import wait_until

from lionherd_dist import Settings, StoreUnavailableError
from lionherd_dist.limiter import desk as desk_module
from lionherd_dist.limiter.desk import Desk
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.session.session import Session
from lionherd_dist.session.trust import Trust, uptime_s
from lionherd_dist.store.connection import Connection, Reply
from lionherd_dist.store.jobs import Request
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.outcomes import Granted
from lionherd_dist.store.scripts import LEAVE, LEND

pytestmark = pytest.mark.anyio

KEYS = Keys("desk")
SESSION_AT, FIRST_AT, COUNT_AT, ENDS_AT, RUN_AT = 0, 6, 7, 8, 10  # in a request's arguments


class Line(Connection):
    """A connection to nobody, whose answers are given here; it notes what was sent."""

    def __init__(self, answer: Callable[[Request], Awaitable[Reply]]) -> None:
        super().__init__("unix:///nobody", name="test")
        self._answer, self.sent = answer, list[Request]()

    async def run_all(self, requests: Sequence[Request]) -> list[Reply]:
        self.sent += requests
        return [await self._answer(request) for request in requests]


def ends_in(args: Sequence[object]) -> list[object]:
    """The numbers that end, in a request without others."""
    count, run = args[ENDS_AT], args[RUN_AT]
    assert isinstance(count, int)
    return list(range(run, run + count)) if isinstance(run, int) else [*args[RUN_AT + 1 :]]


def session(id_: str) -> Session:
    return Session(id_, ServerClock(0), Trust(15.0, uptime_s()), b"0-0")


async def everything(request: Request) -> Reply:
    """As many tokens as are asked for; and whoever leaves has left."""
    script, _, args = request
    await anyio.lowlevel.checkpoint()
    if script is LEAVE:
        return 1
    first, count = int(args[FIRST_AT]), int(args[COUNT_AT])
    return [5, count, 0, [], [], [], [first, 1000 + first, count], []]


async def ready() -> None:
    """There is always a session."""


async def test_nobody_speaks_for_a_session_that_is_over() -> None:
    """Who asks between its loss and its end is served by the next one."""
    desk = Desk(KEYS, Settings(), ready)
    book = desk.book("api", 5)
    first, second = book.ask(), None

    async def lost_meanwhile(request: Request) -> Reply:
        nonlocal second
        desk.lose("it was not renewed in time")
        second = book.ask()
        return await everything(request)

    old, new = Line(lost_meanwhile), Line(everything)
    async with anyio.create_task_group() as serving:
        serving.start_soon(desk.serve, old, session("old"), lambda: None)
        with anyio.fail_after(5):
            while second is None:
                await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        serving.cancel_scope.cancel()
    assert len(old.sent) == 1
    async with anyio.create_task_group() as serving:
        serving.start_soon(desk.serve, new, session("new"), lambda: None)
        with anyio.fail_after(5):
            leases = [await first, await second]
        serving.cancel_scope.cancel()
    assert [lease.number for lease in leases] == [2, 3]


async def test_a_token_given_back_to_a_silent_server_is_given_back_later() -> None:
    """By itself, soon, as long as the session lives."""
    quick = Settings(session_s=1, patience_s=0)
    desk = Desk(KEYS, quick, ready)
    book = desk.book("api", 5)
    waiter = book.ask()
    silent = False

    async def now_and_then(request: Request) -> Reply:
        if silent:
            raise StoreUnavailableError("silent")
        return await everything(request)

    line = Line(now_and_then)
    async with anyio.create_task_group() as serving:
        serving.start_soon(desk.serve, line, session("s"), lambda: None)
        with anyio.fail_after(5):
            lease = await waiter
        silent = True
        book.give_back(lease)
        await anyio.wait_all_tasks_blocked()
        before = len(line.sent)
        silent = False
        await wait_until(lambda: len(line.sent) > before, description="it is said again")
        serving.cancel_scope.cancel()
    _, _, args = line.sent[-1]
    assert ends_in(args) == [lease.number]


async def test_what_is_said_after_a_silence_is_sent_at_once() -> None:
    """It does not wait for the look that is taken now and then."""
    desk = Desk(KEYS, Settings(session_s=3600), ready)
    book, lends = desk.book("api", 5), True

    async def for_a_while(request: Request) -> Reply:
        return await everything(request) if lends else [5, 5, 1, [], [], [], [0, 0, 0], []]

    line = Line(for_a_while)
    async with anyio.create_task_group() as serving:
        serving.start_soon(desk.serve, line, session("s"), lambda: None)
        for _ in range(3):
            with anyio.fail_after(5):
                lease = await book.ask()
            await anyio.wait_all_tasks_blocked()
            book.give_back(lease)
            await anyio.wait_all_tasks_blocked()
            assert ends_in(line.sent[-1][2]) == [lease.number]
        desk.deliver(Granted("api", [(99, 7)]))  # for somebody who has withdrawn long ago
        await anyio.wait_all_tasks_blocked()
        assert ends_in(line.sent[-1][2]) == [99]
        lends = False
        waiting = book.ask()
        await anyio.wait_all_tasks_blocked()
        book.withdraw(waiting)
        await anyio.wait_all_tasks_blocked()
        assert ends_in(line.sent[-1][2]) == [4]
        serving.cancel_scope.cancel()


async def test_a_great_answer_goes_out_in_halves_that_take_turns() -> None:
    """What one half asks next is under way while the other runs; each end is told once."""
    desk = Desk(KEYS, Settings(), ready)
    book = desk.book("api", 40)
    line = Line(everything)

    async def taking_turns() -> None:
        for _ in range(5):
            waiter = book.ask()
            lease = await waiter
            book.give_back(lease)

    async with anyio.create_task_group() as serving:
        serving.start_soon(desk.serve, line, session("s"), lambda: None)
        with anyio.fail_after(5):
            async with anyio.create_task_group() as working:
                for _ in range(40):
                    working.start_soon(taking_turns)
        await anyio.wait_all_tasks_blocked()
        serving.cancel_scope.cancel()
    sent = [args for _, _, args in line.sent]
    ends = [end for args in sent for end in ends_in(args)]
    assert [args[COUNT_AT] for args in sent[:6]] == [40, 20, 20, 20, 20, 20]
    assert ends == list(range(1, 201))


async def test_leaving_gives_back_every_limiter_that_was_used() -> None:
    """One request each, for this session; and none where none was used."""
    desk = Desk(KEYS, Settings(), ready)
    line = Line(everything)
    await desk.leave(line, session("s"))
    assert line.sent == []
    for name in ("api", "disk"):
        desk.book(name, 5)
    await desk.leave(line, session("s"))
    assert [(script, args[SESSION_AT], args[2]) for script, _, args in line.sent] == [
        (LEAVE, "s", "api"),
        (LEAVE, "s", "disk"),
    ]


async def test_leaving_waits_for_what_is_under_way() -> None:
    """Else a token that is being asked for would be lent to who has just left."""
    desk = Desk(KEYS, Settings(), ready)
    book = desk.book("api", 5)
    waiter = book.ask()
    asked, answer = anyio.Event(), anyio.Event()

    async def slow(request: Request) -> Reply:
        if request[0] is LEND:
            asked.set()
            await answer.wait()
        return await everything(request)

    line = Line(slow)
    async with anyio.create_task_group() as serving:
        serving.start_soon(desk.serve, line, session("s"), lambda: None)
        with anyio.fail_after(5):
            await asked.wait()
        desk.lose("the cluster was left")
        serving.start_soon(desk.leave, line, session("s"))
        await anyio.wait_all_tasks_blocked()
        assert [script for script, _, _ in line.sent] == [LEND]
        answer.set()
    assert [script for script, _, _ in line.sent] == [LEND, LEAVE]
    waiter.cancel()


async def test_leaving_is_not_cut_short_by_a_cancellation() -> None:
    """Who leaves because it was cancelled hears first that its tokens are given back."""
    desk = Desk(KEYS, Settings(), ready)
    desk.book("api", 5)
    heard = []

    async def noted(request: Request) -> Reply:
        heard.append(await everything(request))
        return 1

    with anyio.CancelScope() as scope:
        scope.cancel()
        await desk.leave(Line(noted), session("s"))
    assert heard == [1]


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "is away"])
async def test_leaving_a_silent_server_ends(monkeypatch: pytest.MonkeyPatch, hangs: bool) -> None:
    """And in no error: the session expires, and with it what it held."""
    monkeypatch.setattr(desk_module, "LEAVE_S", 0.05)
    desk = Desk(KEYS, Settings(), ready)
    desk.book("api", 5)

    async def silent(request: Request) -> Reply:
        if hangs:
            await anyio.sleep_forever()
        raise StoreUnavailableError("silent")

    line = Line(silent)
    with anyio.fail_after(20):
        await desk.leave(line, session("s"))
    assert line.sent
