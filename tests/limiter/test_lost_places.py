"""Who waits is served in the end, though its place was taken or the server has forgotten it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import pytest
import tasks
from road import working

from limiter.conftest import Open, Server
from lionherd_dist import Settings
from lionherd_dist.limiter.book import Book
from lionherd_dist.session.trust import Trust, uptime_s
from lionherd_dist.store.limits import Lent, Looked, leave_request

pytestmark = pytest.mark.anyio

Harm = Callable[[Server, str], Awaitable[object]]


async def sent_away(server: Server, owner: str) -> None:
    """As ``limits evict`` does it."""
    await server.connection.run(*leave_request(server.keys, owner, "api"))


async def forgotten(server: Server, owner: str) -> None:
    """As after a fail-over to a server that had not heard of the last requests."""
    await server.connection.call("DEL", server.keys.limit("api") + ":queue")


HARMS = pytest.mark.parametrize("harm", [sent_away, forgotten], ids=lambda one: one.__name__)


@HARMS
async def test_who_waits_asks_again_for_a_place_that_is_gone(
    harm: Harm, api: Open, server: Server
) -> None:
    """All that wait in a process, in the order of old, when it looks next."""
    order: list[int] = []
    async with api(session_s=1) as one, api(session_s=1) as two:
        here, there = one.capacity_limiter("api", 1), two.capacity_limiter("api", 1)

        async def take(n: int) -> None:
            async with there:
                order.append(n)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                await here.acquire()
                for n in range(3):
                    group.start_soon(take, n)
                    await server.until(held=1, waiting=n + 1)
                await harm(server, two._link.session_id)
                await server.until(held=1, waiting=3)
                here.release()
    assert order == [0, 1, 2]


@HARMS
async def test_a_job_asks_again_for_a_place_that_is_gone(
    harm: Harm, api: Open, server: Server, redis_url: str, settings: Settings
) -> None:
    """At once where it was sent away, and when a worker looks where it was forgotten."""
    tasks.new_stage()
    results: list[int] = []
    quick = replace(settings, session_s=1)
    async with working(redis_url, quick), api(session_s=1) as one, api(session_s=1) as two:
        here, there = one.capacity_limiter("api", 1), two.capacity_limiter("api", 1)

        async def work() -> None:
            results.extend(await two.bounded_map(tasks.brief, range(10), limit=there))

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                await here.acquire()
                group.start_soon(work)
                await server.until(held=1, waiting=1)
                (job,) = await server.waiting()
                await harm(server, job)
                await server.until(held=1, waiting=1)
                here.release()
    assert results == [*range(10)]


async def test_a_place_that_is_gone_is_asked_for_once_and_its_old_token_goes_back() -> None:
    """Also if nobody waits for it by then."""
    book = Book("api", 1, lambda _: None)
    book.begin(Trust(15.0, uptime_s()))
    stays, goes = book.ask(), book.ask()
    book.take_ask(0)
    book.look()
    ask = book.take_ask(0)
    assert ask.waiting == [1, 2]
    goes.cancel()
    book.answered(ask, Lent(1, 1, 0, iter(()), 0, Looked({}, {}, lost=[1, 2])))
    book.withdraw(goes)
    again = book.take_ask(0)
    assert (again.first, again.new, again.ends) == (3, 1, [])
    book.granted([(1, 7)])  # it was on its way, by the inbox
    assert book.take_ask(0).ends == [1]
    book.granted([(3, 8)])
    lease = stays.result()
    assert lease.fence == 8
