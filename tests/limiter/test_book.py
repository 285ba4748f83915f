"""A process's book of one limiter, without a server: what is said and heard in awkward order."""

import pytest

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.limiter.book import Book
from lionherd_dist.session.trust import Trust, uptime_s
from lionherd_dist.store.limits import Ask, Lent, Looked

pytestmark = pytest.mark.anyio


@pytest.fixture
async def book() -> Book:
    book = Book("api", 3, lambda _: None)
    book.begin(Trust(15.0, uptime_s()))
    return book


def told(*lent: tuple[int, int], ours: dict[int, int] | None = None) -> Lent:
    """An answer that lends *lent*; *ours* if it was also asked to look."""
    return Lent(3, 0, 0, iter(lent), len(lent), None if ours is None else Looked(ours, {}))


def ends_of(ask: Ask) -> list[int]:
    return sorted(set(ask.ends))


async def test_a_token_for_a_waiter_that_is_just_being_cancelled_goes_back(book: Book) -> None:
    """Its task has been cancelled and has not run since: the answer is no longer to be set."""
    patient, hasty = book.ask(), book.ask_for_now()
    ask = book.take_ask(0)
    patient.cancel()
    hasty.cancel()
    book.answered(ask, told((1, 11)))
    book.withdraw(patient)
    book.withdraw(hasty)
    assert 1 in ends_of(book.take_ask(0))


async def test_a_token_taken_at_once_is_ours_though_the_reply_was_lost(book: Book) -> None:
    """The second answer lists it, and it is no reason to say that there was none."""
    hasty = book.ask_for_now()
    book.answered(book.take_ask(0), told(ours={1: 11}))
    lease = hasty.result()
    assert lease.fence == 11


async def test_what_the_server_holds_for_ours_and_nobody_here_wants_goes_back(book: Book) -> None:
    """However that came about: by a word from the inbox, in an answer, or in a list."""
    for n, hear in enumerate(
        (
            lambda: book.granted([(91, 1)]),
            lambda: book.answered(book.take_ask(0), told((92, 2))),
            lambda: book.answered(book.take_ask(0), told(ours={93: 3})),
        ),
        start=91,
    ):
        hear()
        assert book.has_news
        assert ends_of(book.take_ask(0)) == [n]


async def test_a_token_that_is_told_twice_is_kept(book: Book) -> None:
    """By a list and, later, by the inbox."""
    waiter = book.ask()
    book.answered(book.take_ask(0), told(ours={1: 11}))
    book.granted([(1, 11)])
    book.answered(book.take_ask(0), told(ours={1: 11}))
    lease = waiter.result()
    assert not book.has_news
    lease.check()


async def test_ends_that_could_not_be_told_are_told_later(book: Book) -> None:
    """A token that was given back while the server was silent is not held for ever."""
    waiter, late = book.ask(), book.ask()
    book.answered(book.take_ask(0), told((1, 11)))
    lease = waiter.result()
    book.give_back(lease)
    ask = book.take_ask(0)
    book.undelivered(ask, StoreUnavailableError("silent"))
    assert isinstance(late.exception(), StoreUnavailableError)
    assert book.has_news
    assert ends_of(book.take_ask(0)) == [1, 2]


async def test_each_of_many_that_withdraw_takes_its_own_place_away(book: Book) -> None:
    """Whatever came, went and was sent in between."""
    first = [book.ask() for _ in range(3)]
    book.take_ask(0)
    book.withdraw(first[1])
    assert book.take_ask(0).ends == [2]
    book.granted([(1, 11)])
    second = [book.ask() for _ in range(2)]
    book.withdraw(second[0])
    ask = book.take_ask(0)
    assert (ask.first, ask.new, ask.ends) == (4, 1, [])
    for request in (first[2], first[0], second[1]):
        book.withdraw(request)
    assert book.take_ask(0).ends == [3, 1, 4]
    assert not book.engaged


async def test_who_withdraws_after_its_token_went_back_does_so_in_vain(book: Book) -> None:
    """It was cancelled when the token came, and others had withdrawn since the last message."""
    first, second = book.ask(), book.ask()
    book.take_ask(0)
    book.withdraw(first)
    second.cancel()
    book.granted([(2, 12)])
    book.withdraw(second)
    assert book.take_ask(0).ends == [1, 2]


async def test_who_has_something_to_say_says_so_once() -> None:
    """Until somebody comes to hear it; then again."""
    heard = list[Book]()
    book = Book("api", 3, heard.append)
    book.begin(Trust(15.0, uptime_s()))
    one, two = book.ask(), book.ask()
    assert heard == [book]
    book.told = False
    book.take_ask(0)
    book.granted([(1, 11), (2, 12)])
    assert heard == [book]
    for request in (one, two):
        book.give_back(request.result())
    assert heard == [book, book]
    book.told = False
    book.look()
    assert heard == [book, book, book]


async def test_a_look_is_asked_for_again_in_the_next_session(book: Book) -> None:
    """Or whoever waits for it would wait for ever."""
    looked = book.looked()
    book.take_ask(0)
    book.lose("the session is over")
    assert book.has_news
    book.begin(Trust(15.0, uptime_s()))
    ask = book.take_ask(0)
    assert ask.look
    book.answered(ask, told(ours={}))
    assert looked.done()


async def test_a_look_is_newer_than_the_wish_for_it(book: Book) -> None:
    """An answer that was under way already may be older, and does not count."""
    book.look()
    before = book.take_ask(0)
    looked = book.looked()
    book.answered(before, told(ours={}))
    assert not looked.done()
    book.answered(book.take_ask(0), told(ours={}))
    assert looked.done()


async def test_nothing_is_lent_by_a_session_that_is_no_longer_trusted() -> None:
    """A token that came while the process was paused may be somebody else's by now."""
    book = Book("api", 3, lambda _: None)
    book.begin(Trust(15.0, uptime_s() - 15.0))
    waiter = book.ask()
    book.answered(book.take_ask(0), told((1, 11)))
    assert not waiter.done()
    book.lose("the session is over")
    book.begin(Trust(15.0, uptime_s()))
    ask = book.take_ask(0)
    assert (ask.first, ask.new) == (2, 1)
    book.answered(ask, told((2, 12)))
    assert waiter.done()


async def test_who_waits_asks_again_in_the_order_of_old(book: Book) -> None:
    """And before those who came since."""
    waiters = [book.ask() for _ in range(3)]
    book.take_ask(0)
    last = book.ask()
    book.lose("the session is over")
    book.begin(Trust(15.0, uptime_s()))
    assert book.take_ask(0).new == 4
    book.granted([(4, 21), (5, 22), (6, 23), (7, 24)])
    leases = [waiter.result() for waiter in (*waiters, last)]
    assert [lease.fence for lease in leases] == [21, 22, 23, 24]


async def test_who_is_not_to_wait_is_not_to_wait_in_the_next_session_either(book: Book) -> None:
    """Whether it was sent before the loss or not; until there is an answer."""
    book.ask_for_now()
    assert book.take_ask(0).impatient == [1]
    book.ask()
    book.ask_for_now()
    book.lose("the session is over")
    book.begin(Trust(15.0, uptime_s()))
    ask = book.take_ask(0)
    assert (ask.first, ask.new, ask.impatient) == (2, 3, [2, 4])


async def test_who_withdraws_in_each_state_leaves_nothing_behind(book: Book) -> None:
    """Before it was sent, while it waits, and with the token in its hand."""
    holds, waits = book.ask(), book.ask()
    book.answered(book.take_ask(0), told((1, 11)))
    unsent = book.ask()
    for request in (holds, waits, unsent):
        book.withdraw(request)
    ask = book.take_ask(0)
    assert (ends_of(ask), ask.new) == ([1, 2], 0)
    assert not book.engaged
