"""The face of anyio's CapacityLimiter, over every process that uses the same name."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Literal, cast

import anyio

from lionherd_dist.arguments import shown
from lionherd_dist.limiter.block import Block, EnterMethod, ExitMethod, likeliest
from lionherd_dist.limiter.desk import Desk
from lionherd_dist.limiter.interrupt import Interrupt
from lionherd_dist.limiter.lease import Lease
from lionherd_dist.limiter.order import check_order, note_tokens, tokens_noted
from lionherd_dist.limiter.token import UNTRUSTED, Token
from lionherd_dist.limiter.warning import warn
from lionherd_dist.local.limits import LimiterStatistics
from lionherd_dist.natives import note_on
from lionherd_dist.session.trust import uptime_s
from lionherd_dist.store.jobs import Tokens
from lionherd_dist.telemetry import LIMITER_WAIT, SILENT

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
MOST_TOKENS = 1_000_000

OnLost = Literal["cancel", "warn"]
_THE_TASK: Final = object()  # that calls, as the borrower


def check_name(name: str) -> str:
    """*name*, if a limiter can have it."""
    if not isinstance(cast("object", name), str):
        raise TypeError(f"name is {shown(name)}: give what the limiter is called, such as 'api'")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a limiter: use 1 to 200 of A-Z a-z 0-9 _ . : -")
    return name


def check_total(name: str, total_tokens: int, *, least: int) -> int:
    """*total_tokens*, if the limiter *name* can have so many."""
    said = f"limiter {name!r}: total_tokens is {total_tokens!r}"
    if not isinstance(total_tokens, int) or isinstance(total_tokens, bool):
        raise TypeError(f"{said}: give a whole number")
    if not least <= total_tokens <= MOST_TOKENS:
        raise ValueError(f"{said}: give {least} to {MOST_TOKENS}")
    return total_tokens


class SharedLimiter:
    """At most *total_tokens* at once, over all processes; first come, first served.

    ``async with limiter as lease:`` holds a token for as long as the block runs and this process
    lives. If its session is lost, the block is cancelled before anybody else gets the token, and
    raises LeaseLost. ``acquire`` and ``release`` cannot stop the code between them: that has to ask
    ``lease.check()`` or ``lease.lost``.

    Made by ``Cluster.capacity_limiter``; any number of these may stand for one name.
    """

    name: str

    def __init__(
        self, desk: Desk, name: str, total_tokens: int, *, on_lost: OnLost, strict: bool
    ) -> None:
        check_name(name)
        if on_lost not in {"cancel", "warn"}:
            raise ValueError(f"limiter {name!r}: on_lost is {on_lost!r}: give 'cancel' or 'warn'")
        self.name, self._wanted = name, check_total(name, total_tokens, least=1)
        self._desk, self._on_lost, self._strict = desk, on_lost, strict
        self._book = desk.book(name, total_tokens)
        self._compared, self._measured = False, desk.recorder is not SILENT
        self._by_hand: list[Lease] = []  # of blocks that were entered by hand

    # --- as the server last told it

    @property
    def total_tokens(self) -> int:
        """How many tokens there are, as this process last heard."""
        return self._book.total

    @property
    def borrowed_tokens(self) -> int:
        """How many are held by anybody, as this process last heard."""
        return self._book.borrowed

    @property
    def available_tokens(self) -> int:
        """How many are free, as this process last heard; 0 while more are held than there are."""
        return max(0, self._book.total - self._book.borrowed)

    def statistics(self) -> LimiterStatistics:
        """The limiter as this process last heard of it; see ``refresh``."""
        return self._book.statistics()

    async def refresh(self) -> LimiterStatistics:
        """The limiter as the server knows it now."""
        await self._desk.ready()
        looked = self._book.looked()
        await looked
        self._compare_total()
        return self._book.statistics()

    async def set_total_tokens(self, total_tokens: int) -> None:
        """Have another number of tokens from now on, for everybody; 0 is a pause.

        Fewer than are held takes nothing from anybody: nothing is lent until enough came back.
        """
        await self._desk.resize(self.name, check_total(self.name, total_tokens, least=0))
        self._wanted = total_tokens

    def tokens(self) -> Tokens:
        """The limiter as a job is to ask it for the tokens of its calls."""
        return self._desk.tokens(self.name, self._wanted)

    # --- taking and giving back

    async def acquire(self) -> Lease:
        """Wait for a token; the calling task holds it then, until it ends.

        ``release`` gives it back in the same task, and ``lease.release()`` anywhere.

        Raises:
            RuntimeError: the calling task holds one.
            StoreUnavailableError: the server was silent for ``patience_s``.
        """
        return await self._acquire()

    async def acquire_nowait(self) -> Lease:
        """Take a token if one is free and nobody waits; one round trip.

        Raises:
            anyio.WouldBlock: there is none.
        """
        try:
            return await self._acquire(at_once=True)
        except anyio.WouldBlock:
            self._compare_total()  # a refusal tells of the total, too
            raise

    async def acquire_on_behalf_of(self, borrower: object) -> Lease:
        """Wait for a token in the name of *borrower*, which must hold none.

        It is held until ``release_on_behalf_of`` or ``lease.release()``, whichever tasks end.
        """
        return await self._acquire(borrower=borrower)

    def release(self) -> None:
        """Give the calling task's token back; waits for nothing.

        Raises:
            RuntimeError: it holds none. ``lease.release()`` is for tokens that another task took.
        """
        self.release_on_behalf_of(asyncio.current_task())

    def release_on_behalf_of(self, borrower: object) -> None:
        """Give the token of *borrower* back; RuntimeError if it holds none."""
        borrowers = self._book.borrowers
        borrowers.release(borrowers.token_of(borrower))

    async def _acquire(
        self, block: Block | None = None, *, borrower: object = _THE_TASK, at_once: bool = False
    ) -> Lease:
        book, desk = self._book, self._desk
        desk.home.check()  # first: what follows reads and changes what is in use there
        own = borrower is _THE_TASK
        if own:
            borrower = asyncio.current_task(desk.loop)
        held = tokens_noted()
        while held and held[-1].is_over:  # as a rule the one of the block before
            held = held[:-1]
        asked_at = time.monotonic() if self._measured else 0.0
        borrowers, request = book.borrowers, None
        borrowers.begin(borrower)
        try:
            if held:
                held = tuple([token for token in held if not token.is_over])
                check_order(held, self.name, strict=self._strict)
            if desk.connection is None:
                await desk.ready()
            request = book.ask_for_now() if at_once else book.ask()
            if held and not at_once and (around := book.nested.held_in(held)):
                await book.nested.wait(request, around, self._known_total, self._strict)
            token = await request
            if not self._compared:
                self._compare_total()  # where warnings are errors, it raises
        except BaseException:
            borrowers.give_up(borrower)
            if request is not None:
                book.withdraw(request)
                request = None  # or it and its error keep each other, and the frames of our callers
            raise
        if self._measured:
            desk.recorder.record(LIMITER_WAIT, time.monotonic() - asked_at, self.name)
        borrowers.take(borrower, token, until_it_ends=own)
        lease = Lease(token, borrowers)
        if own:
            note_tokens((*held, token) if held else (token,))
        if block is None:
            token.kept = lease
        else:
            self._begin(block, lease, token)
        return lease

    def _known_total(self) -> int:
        return self._book.total if self._book.known else 0

    def check_not_nested(self) -> None:
        """Warn if the code that runs here holds all tokens, and is about to wait for a job.

        Raises:
            LockOrderError: instead of the warning, if ``strict``.
        """
        nested = self._book.nested
        held = nested.held_in(tokens_noted())
        if 0 < self._known_total() <= len(held):
            nested.tell("a job with this limit waits for tokens", held, self._strict)

    def _compare_total(self) -> None:
        """Warn, once, if the server knew another total than we; what is set later is news."""
        book = self._book
        if self._compared or not book.known:
            return
        self._compared = True
        if book.total == self._wanted or self._wanted in book.warned_of:
            return
        book.warned_of.add(self._wanted)
        warn(
            f"limiter {self.name!r} has {book.total} tokens, as others have said, and not "
            f"{self._wanted}. To change that for everybody: await limiter.set_total_tokens("
            f"{self._wanted}), or lionherd-dist limits set {self.name} {self._wanted}"
        )

    # --- as a block, which may be left in another task than the one that entered it

    def _begin(self, block: Block, lease: Lease, token: Token) -> None:
        token.in_block = True
        if block.has_exit:
            block.lease = lease
        else:
            self._by_hand.append(lease)
        task = token.borrower
        if self._on_lost == "cancel" and isinstance(task, asyncio.Task):
            token.interrupt = interrupt = Interrupt(task)
            if token.lost_because is not None:
                interrupt.start()

    def _leave(self, lease: Lease | None, error: BaseException | None) -> bool:
        if lease is None:
            place = likeliest(self.name, self._by_hand, asyncio.current_task(self._desk.loop))
            lease = self._by_hand.pop(place)
        token, borrowers = lease.token, self._book.borrowers
        if not borrowers.home.is_here:  # closed by the garbage collector in another thread
            borrowers.home.call_soon(borrowers.release, token)
            return False
        interrupt, token.interrupt = token.interrupt, None
        if not token.is_over:
            if token.trust.until <= uptime_s():  # lose_if_untrusted, spelt out: for every token
                token.lose(UNTRUSTED)
            borrowers.end(token)
        if token.lost_because is None:
            return False
        ended_by_us = interrupt is not None and interrupt.end(error)
        loss = token.loss(token.lost_because)
        if self._on_lost == "warn":
            warn(str(loss))
            return False
        if error is None or ended_by_us:
            raise loss from None
        note_on(error, str(loss))
        return isinstance(error, asyncio.CancelledError)

    __aenter__: EnterMethod["SharedLimiter"] = EnterMethod(_acquire)
    __aexit__: ExitMethod["SharedLimiter"] = ExitMethod(_leave)


@asynccontextmanager
async def acquire_all(*limiters: SharedLimiter) -> AsyncIterator[tuple[Lease, ...]]:
    """Hold a token of each of *limiters*, taken in the order of their names; leases in yours.

    Whoever takes several limiters in this way never waits in a circle.

    Raises:
        ValueError: one of them is named twice.
        LeaseLost: one of the tokens was lost while the block ran.
    """
    names = [limiter.name for limiter in limiters]
    if len(set(names)) < len(names):
        twice = max(names, key=names.count)
        raise ValueError(
            f"limiter {twice!r} is given twice to acquire_all({', '.join(names)}): give each "
            "limiter once"
        )
    leases: dict[str, Lease] = {}
    async with AsyncExitStack() as stack:
        for limiter in sorted(limiters, key=lambda one: one.name):
            leases[limiter.name] = await stack.enter_async_context(limiter)
        yield tuple(leases[name] for name in names)
