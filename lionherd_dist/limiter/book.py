"""What this process has to do with one limiter: who waits here, and which tokens are ours. No I/O.

    asked ──sent, numbered──▶ waiting ──granted──▶ held ──given back──▶ ended ──sent──▶ forgotten
                                 │                   │
                                 └── withdrawn ──────┴──▶ ended (whatever the server did meanwhile)

Requests are numbered when they are sent, so that the numbers of one message are a range.
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeAlias

import anyio

from lionherd_dist.errors import LionherdError
from lionherd_dist.limiter.borrowers import Borrowers
from lionherd_dist.limiter.losses import tell_loss
from lionherd_dist.limiter.nested import NestedWaits
from lionherd_dist.limiter.token import Token
from lionherd_dist.local.limits import LimiterStatistics
from lionherd_dist.session.trust import Trust
from lionherd_dist.store.limits import Ask, Lent
from lionherd_dist.telemetry import SILENT, Recorder

MOST_ENDS = 2_000  # told in one message
MOST_PLACES = 1_000  # looked for in one message: the server needs about 1 µs for each


# For a token, which it brings when it is done. One that was for now or never may bring WouldBlock.
Request: TypeAlias = asyncio.Future[Token]


class Book:
    """One limiter, over all sessions of this process that follow each other.

    Attributes:
        total: its tokens, as the server said; until then, as the code says.
        borrowed: how many are held, by anybody.
        waiting: how many requests wait, of anybody; a job counts as one.
        known: False until the server has said these.
        borrowers, nested: who waits and holds here; and who waits where tokens of it are held.
        told: True once *on_news* was called, until somebody has come and asked. It is called for
            what code here wants; whoever speaks to the server looks for other news by itself.
    """

    told: bool
    name: str
    wanted_total: int
    total: int
    borrowed: int
    waiting: int
    known: bool
    borrowers: Borrowers
    nested: NestedWaits

    def __init__(
        self,
        name: str,
        total: int,
        on_news: "Callable[[Book], None]",
        recorder: Recorder = SILENT,
    ) -> None:
        self._recorder, self._loop = recorder, asyncio.get_running_loop()
        self._on_news, self.told = on_news, False
        self.name, self.wanted_total = name, total
        self.total, self.borrowed, self.waiting, self.known = total, 0, 0, False
        self.borrowers = Borrowers(name, self.give_back)
        self.nested = NestedWaits(name, self.holds)
        self.warned_of: set[int] = set()  # totals that the code says, and the server does not
        self._holders: dict[str, int] = {}
        self._trust: Trust | None = None
        self._number = 0
        self._asked: dict[Request, None] = {}  # in order
        self._waiting: dict[int, Request] = {}
        self._numbers: dict[Request, int] | None = None  # kept while some withdraw; see _number_of
        self._hasty: set[Request] = set()  # of those that are asked or wait: they are not to wait
        self._held: dict[int, Token] = {}
        self._judged: dict[int, Token] = {}
        self._ends: list[int] = []
        self._looks: list[asyncio.Future[None]] = []
        self._looking: list[asyncio.Future[None]] = []  # of the message that is under way
        self._look = False
        self._refused = False  # since the last look

    # --- what code here wants

    def ask_for_now(self) -> Request:
        """A request that does not wait: it is answered by the next message."""
        request = self.ask()
        self._hasty.add(request)
        return request

    def ask(self) -> Request:
        """A request that waits for its token."""
        request: Request = self._loop.create_future()
        self._asked[request] = None
        if not self.told:
            self._tell()
        return request

    def withdraw(self, request: Request) -> None:
        """Nobody waits for *request* any more; a token that came, or comes, goes back."""
        self._hasty.discard(request)
        if request.cancelled() or request.cancel():
            if request in self._asked:
                del self._asked[request]
            elif (number := self._number_of(request)) is not None:
                del self._waiting[number]
                self._ends.append(number)
                self._tell()
        elif request.exception() is None:
            self.give_back(request.result())

    def _number_of(self, request: Request) -> int | None:
        """That of *request*, if it waits: noted only while some are cancelled.

        Those that wait no more stay among them, until they are more than half.
        """
        if self._numbers is None:
            self._numbers = {waiting: number for number, waiting in self._waiting.items()}
        number = self._numbers.get(request)
        return number if number in self._waiting else None

    def holds(self, token: Token) -> bool:
        """True while *token* is one of this limiter's that are ours."""
        return self._held.get(token.number) is token

    def give_back(self, token: Token) -> None:
        """The token is not needed any more."""
        token.is_over = True
        if self._held.pop(token.number, None) is not None:
            self._ends.append(token.number)
            if not self.told:
                self._tell()

    def _tell(self) -> None:
        if not self.told:  # where every token comes by, it is looked at before
            self.told = True
            self._on_news(self)

    def look(self) -> None:
        """Have the dead dropped and everything told that is ours, with the next message."""
        self._look = True
        self._tell()

    def looked(self) -> "asyncio.Future[None]":
        """Look, and be told when that was done."""
        self.look()
        done: asyncio.Future[None] = self._loop.create_future()
        self._looks.append(done)
        return done

    def statistics(self) -> LimiterStatistics:
        """The limiter as the server last told it."""
        return LimiterStatistics(
            self.total, self.borrowed, self.waiting, self.borrowers.all(), dict(self._holders)
        )

    # --- what the server is to hear

    @property
    def engaged(self) -> bool:
        """True while somebody here waits, holds or was refused: then a look is worth it."""
        return bool(self._waiting or self._held or self._refused)

    @property
    def asking(self) -> int:
        """How many requests are to be sent yet."""
        return len(self._asked)

    @property
    def has_news(self) -> bool:
        """True if there is something to say."""
        return bool(self._asked or self._ends or self._look)

    def take_ask(self, quarantine_ms: int) -> Ask:
        """What is new; it is then the desk's to deliver."""
        look, self._look = self._look, False
        waiting = list(islice(self._waiting, MOST_PLACES)) if look else []
        asked, self._asked = self._asked, {}
        first, self._number = self._number + 1, self._number + len(asked)
        numbers = range(first, self._number + 1)
        self._waiting.update(zip(numbers, asked, strict=True))
        if self._numbers is not None:
            self._numbers.update(zip(asked, numbers, strict=True))
            if len(self._numbers) > 2 * len(self._waiting):
                self._numbers = None
        both = zip(numbers, asked, strict=True) if self._hasty else ()
        impatient = [number for number, request in both if request in self._hasty]
        ends, self._ends = self._ends[:MOST_ENDS], self._ends[MOST_ENDS:]
        self._judged = dict(self._held) if look else {}
        if look:
            self._looking, self._looks, self._refused = self._looks, [], False
        return Ask(
            name=self.name,
            total=self.wanted_total,
            quarantine_ms=quarantine_ms,
            look=look,
            first=first,
            new=len(asked),
            ends=ends,
            impatient=impatient,
            waiting=waiting,
        )

    # --- what the server says

    def answered(self, ask: Ask, lent: Lent) -> None:
        """The answer to *ask*."""
        self.total, self.borrowed, self.waiting = lent.total, lent.borrowed, lent.waiting
        self.known = True
        self.granted(lent.granted)
        if lent.looked is not None:
            self._compare(lent.looked.ours)
            self._ask_again(lent.looked.lost)
            self._holders = lent.looked.holders
        if ask.look:
            looks, self._looking = self._looking, []
            for done in looks:
                if not done.done():
                    done.set_result(None)
        for number in ask.impatient:  # at the end: a token may stand in the list only
            request = self._waiting.pop(number, None)
            if request is not None and not request.done():
                request.set_exception(anyio.WouldBlock(f"limiter {self.name!r} has no free token"))
                self._refused = True
        if ask.impatient:
            self._hasty = {request for request in self._hasty if not request.done()}

    def _compare(self, ours: dict[int, int]) -> None:
        """The server's list of our tokens rules, over what we held when we asked for it."""
        self.granted(ours.items())
        reason = "the server has given it to others, or has forgotten it"
        for number, token in self._judged.items():
            if number not in ours and self._held.get(number) is token:
                del self._held[number]
                token.lose(reason)
                tell_loss(self._recorder, self.name, 1, reason)

    def _ask_again(self, lost: Iterable[int]) -> None:
        """For requests that the server has forgotten, or somebody took out of its queue."""
        found = (self._waiting.pop(number, None) for number in lost)
        requests = [request for request in found if request is not None]
        self._asked = dict.fromkeys([*requests, *self._asked])

    def granted(self, tokens: Iterable[tuple[int, int]]) -> None:
        """Tokens as (number, fence); what nobody waits for goes back, once more if need be."""
        trust, name, held, waiting = self._trust, self.name, self._held, self._waiting
        if trust is None or trust.left_s() <= 0:  # what comes so late is not ours
            return
        for number, fence in tokens:
            request = waiting.pop(number, None)
            if request is not None and not request.done():
                held[number] = token = Token(name, number, fence, trust)
                request.set_result(token)
                continue
            if number not in held:  # who asked has withdrawn, or is about to; else: told twice
                self._ends.append(number)
                self._tell()

    # --- one session after the other

    def begin(self, trust: Trust) -> None:
        """A session is there: requests can be sent."""
        self._trust = trust

    def lose(self, reason: str) -> int:
        """The session is over: what is held is lost, so many tokens; who waits has to ask again."""
        self._trust = None
        held, self._held = self._held, {}
        for token in held.values():
            token.lose(reason)
        self._asked = dict.fromkeys([*self._waiting.values(), *self._asked])
        self._waiting.clear()
        self._ends.clear()
        self._judged.clear()
        self._looks += self._looking
        self._looking = []
        self._look = bool(self._looks)
        return len(held)

    def fail(self, error: LionherdError) -> None:
        """Nobody can be served, for *error*; what was asked for may come, and goes back then."""
        for request in (*self._asked, *self._waiting.values()):
            if not request.done():
                request.set_exception(error)
        self._ends.extend(self._waiting)
        self._asked.clear()
        self._hasty.clear()
        self._waiting.clear()
        looks, self._looks, self._looking = [*self._looks, *self._looking], [], []
        for done in looks:
            if not done.done():
                done.set_exception(error)

    def undelivered(self, ask: Ask, error: LionherdError) -> None:
        """Whether the server heard of *ask* is not known: what has ended is told again, later."""
        self._ends.extend(ask.ends)
        self.fail(error)
        self._look = True  # what came of it after all stands in a list
