"""Speaks to the server for all limiters of this process, one message for each at a time.

What piled up during one round trip goes in the next. A limiter's messages are never two at a time,
and one is sent again until it is answered: so the server sees the numbers of a session in order,
and a token is never asked for twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import islice

import anyio

from lionherd_dist.errors import LionherdError, StoreUnavailableError
from lionherd_dist.home import Home
from lionherd_dist.limiter.book import Book
from lionherd_dist.limiter.losses import tell_loss
from lionherd_dist.session.session import Session
from lionherd_dist.session.trust import uptime_s
from lionherd_dist.settings import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.jobs import Tokens
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.limits import Ask, leave_request, lend_request, lent_of, resize
from lionherd_dist.store.outcomes import Granted
from lionherd_dist.store.patience import persist
from lionherd_dist.telemetry import SILENT, Recorder

LOOKS_PER_SESSION = 3
LEAVE_S = 2.0
WORTH_SPLITTING = 8  # tokens by which one answer brings more than is asked for meanwhile, halved


class Desk:
    """The limiters that this process uses, over all its sessions.

    Args:
        ready: waits for a session; raises when there is none to be had.
        recorder: what this process tells its measurements.

    Attributes:
        loop, home: where it works.
        connection: that of the session in force, if there is one.
    """

    ready: Callable[[], Awaitable[None]]
    loop: asyncio.AbstractEventLoop
    home: Home
    new_scope: type[anyio.CancelScope]

    def __init__(
        self,
        keys: Keys,
        settings: Settings,
        ready: Callable[[], Awaitable[None]],
        recorder: Recorder = SILENT,
    ) -> None:
        self._keys, self._settings, self.ready = keys, settings, ready
        self.recorder = recorder
        self._books: dict[str, Book] = {}
        self._poked: dict[Book, None] = {}
        self._wake = asyncio.Event()
        self.loop, self.home = asyncio.get_running_loop(), Home()
        self.connection: Connection | None = None
        self._over, self._ended = False, asyncio.Event()
        self._ended.set()
        self._lost_at: float | None = None

    def book(self, name: str, total: int) -> Book:
        """The book of the limiter *name*; the total that came first rules here."""
        found = self._books.get(name)
        if found is None:
            found = self._books[name] = Book(name, total, self.poke, self.recorder)
        return found

    def poke(self, book: Book) -> None:
        """*book* has something to say."""
        if book not in self._poked:
            self._poked[book] = None
            self._wake.set()

    @property
    def engaged(self) -> bool:
        """True while somebody here waits for a token, or holds one."""
        return any(book.engaged for book in self._books.values())

    def tokens(self, name: str, total: int) -> Tokens:
        """The limiter *name* as a job is to ask it."""
        return Tokens(name, total, self._quarantine_ms())

    async def resize(self, name: str, total: int) -> None:
        """Give a limiter another total, for everybody."""

        async def send() -> None:
            await self.ready()
            if self.connection is None:
                raise StoreUnavailableError("the session has just been lost")
            quarantine_ms = self._quarantine_ms()
            await resize(self.connection, self._keys, name, total, quarantine_ms=quarantine_ms)

        await persist(send, patience_s=self._settings.patience_s)
        if name in self._books:
            self._books[name].total = self._books[name].wanted_total = total

    def _quarantine_ms(self) -> int:
        """How long a limiter that the server does not know lends nothing (see ``limits.Ask``).

        Where this process lost a session a moment ago, others may be about to lose theirs.
        """
        session_ms = self._settings.session_ms
        if self._lost_at is not None and uptime_s() - self._lost_at < self._settings.session_s:
            return -session_ms
        return 0 if self._settings.fresh_server else session_ms

    # --- one session after the other

    async def serve(
        self, connection: Connection, session: Session, on_lost: Callable[[], None]
    ) -> None:
        """Speak for *session*, until cancelled; *on_lost* is called if the server says it is over.

        Raises:
            StoreRefusedError: nothing can be asked for any more.
        """
        self.connection, self._over, self._ended = connection, False, asyncio.Event()
        for book in self._books.values():
            book.begin(session.trust)
            self._poked[book] = None
        self._wake.set()
        try:
            async with anyio.create_task_group() as looking:
                looking.start_soon(self._look_now_and_then)
                while not self._over:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._poked and not self._over:
                        if not await self._flush(connection, session):
                            on_lost()
                looking.cancel_scope.cancel()
        finally:
            self.connection = None
            self.lose("its session is over")  # what was being asked for has to be asked for again
            self._ended.set()

    async def _look_now_and_then(self) -> None:
        """So that no dead holder is waited for, and a word that was lost costs a moment only."""
        while True:
            await anyio.sleep(self._settings.session_s / LOOKS_PER_SESSION)
            for book in self._books.values():
                if book.engaged:
                    book.look()
                if book.has_news:
                    self.poke(book)

    async def _flush(self, connection: Connection, session: Session) -> bool:
        books, self._poked = list(self._poked), {}
        for book in books:
            book.told = False
            book.begin(session.trust)
        books = [book for book in books if book.has_news]
        quarantine_ms = self._quarantine_ms()
        asks = [book.take_ask(quarantine_ms) for book in books]
        if not asks:
            return True
        asks_sent: list[Ask] = []

        async def send() -> list[Reply]:
            # A reply that was lost may have brought tokens: when asked again, the server lists all.
            if self.connection is not connection:
                return []  # for this session nobody speaks any more
            asks_sent[:] = [ask._replace(look=True) for ask in asks] if asks_sent else asks
            return await connection.run_all(
                [lend_request(self._keys, session.id, ask) for ask in asks_sent]
            )

        try:
            replies = await persist(send, patience_s=self._settings.patience_s)
        except StoreUnavailableError as error:
            for book, ask in zip(books, asks, strict=True):
                book.undelivered(ask, error)
            return True
        if self.connection is not connection:
            return True  # its tokens are lost, and who waits will ask again
        for book, ask, reply in zip(books, asks_sent, replies, strict=True):
            lent = lent_of(reply, ask)
            if lent is None:
                return False
            ahead = (lent.tokens - book.asking) // 2
            if ahead >= WORTH_SPLITTING:
                # So many go first: while they run and the server serves what they ask next, the
                # others run. Else server and process would wait for each other in turns.
                book.granted(islice(lent.granted, ahead))
                await asyncio.sleep(0)
            book.answered(ask, lent)
            if book.has_news:
                self.poke(book)
        return True

    def deliver(self, granted: Granted) -> None:
        """Tokens that were waited for have come by way of the inbox."""
        book = self._books.get(granted.limiter)
        if book is not None:
            book.granted(granted.tokens)

    def lose(self, reason: str) -> None:
        """The session is over, from this moment on: whoever holds a token stops now."""
        self._lost_at = uptime_s()
        self._over, self.connection = True, None
        self._wake.set()
        lost = {name: book.lose(reason) for name, book in self._books.items()}
        for name, count in lost.items():
            tell_loss(self.recorder, name, count, reason)

    def fail(self, error: LionherdError) -> None:
        """There is no session to be had, for *error*."""
        for book in self._books.values():
            book.fail(error)

    async def leave(self, connection: Connection, session: Session) -> None:
        """Give back what is still held, so that nobody has to wait for this session's end."""
        requests = [leave_request(self._keys, session.id, name) for name in self._books]
        if not requests:
            return
        with anyio.move_on_after(LEAVE_S, shield=True):
            await self._ended.wait()  # what is under way must not arrive after this
            try:
                await persist(partial(connection.run_all, requests), patience_s=LEAVE_S)
            except LionherdError:
                return  # the session expires, and with it what it held
