"""What a process notes of one limiter, between a cancellation and the moment that it is noticed."""

import asyncio

import anyio
import pytest

from lionherd_dist.limiter.book import Book, Request
from lionherd_dist.session.trust import Trust, uptime_s
from lionherd_dist.store.limits import Lent

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Limiters that processes share run on asyncio."""
    return "asyncio"


def new_book() -> Book:
    """A book whose session has just begun."""
    book = Book("api", 1, lambda _: None)
    book.begin(Trust(15.0, uptime_s()))
    return book


def cancelled(waiter: Request) -> None:
    """*waiter* as its task's cancellation leaves it, until the task runs again."""
    waiter.cancel()


async def test_a_token_for_a_waiter_that_was_just_cancelled_goes_back() -> None:
    """It comes after the cancellation and before the cancelled task runs to withdraw."""
    book = new_book()
    waiter = book.ask()
    number = book.take_ask(0).first
    cancelled(waiter)
    book.granted([(number, 7)])
    book.withdraw(waiter)
    assert book.take_ask(0).ends == [number]


async def test_a_refusal_for_a_waiter_that_was_just_cancelled_disturbs_nobody() -> None:
    """The same moment, for one that was not to wait."""
    book = new_book()
    waiter = book.ask_for_now()
    ask = book.take_ask(0)
    cancelled(waiter)
    book.answered(ask, Lent(1, 1, 0, iter(()), 0, None))
    book.withdraw(waiter)
    assert book.take_ask(0).ends == []


async def test_whoever_waits_beside_a_cancelled_one_gets_its_token() -> None:
    """One message brings both tokens; the first of them nobody waits for any more."""
    book = new_book()
    gone, stays = book.ask(), book.ask()
    first = book.take_ask(0).first
    cancelled(gone)
    book.granted([(first, 7), (first + 1, 8)])
    with anyio.fail_after(5):
        lease = await asyncio.shield(stays)
    assert lease.fence == 8
