"""The face of anyio's CapacityLimiter, over every process that uses the same name."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Literal

import anyio

from lionherd_dist.limiter.desk import Desk
from lionherd_dist.limiter.lease import UNTRUSTED, Lease
from lionherd_dist.limiter.order import check_order, leases_noted, note_leases
from lionherd_dist.limiter.warning import warn
from lionherd_dist.local.limits import LimiterStatistics
from lionherd_dist.session.trust import uptime_s
from lionherd_dist.store.jobs import Tokens
from lionherd_dist.telemetry import LIMITER_WAIT, SILENT

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
MOST_TOKENS = 1_000_000

OnLost = Literal["cancel", "warn"]
_Way = Literal["block", "token", "now or never"]


def check_name(name: str) -> str:
    """*name*, if a limiter can have it."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a limiter: use 1 to 200 of A-Z a-z 0-9 _ . : -")
    return name


def check_total(total_tokens: int, *, least: int) -> int:
    """*total_tokens*, if a limiter can have so many."""
    if not isinstance(total_tokens, int) or isinstance(total_tokens, bool):
        raise TypeError(f"total_tokens is {total_tokens!r}: give a whole number")
    if not least <= total_tokens <= MOST_TOKENS:
        raise ValueError(f"total_tokens is {total_tokens}: give {least} to {MOST_TOKENS}")
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
            raise ValueError(f"on_lost is {on_lost!r}: give 'cancel' or 'warn'")
        self.name, self._wanted = name, check_total(total_tokens, least=1)
        self._desk, self._on_lost, self._strict = desk, on_lost, strict
        self._book = desk.book(name, total_tokens)
        self._compared, self._measured = False, desk.recorder is not SILENT

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
        await self._desk.resize(self.name, check_total(total_tokens, least=0))
        self._wanted = total_tokens

    def tokens(self) -> Tokens:
        """The limiter as a job is to ask it for the tokens of its calls."""
        return self._desk.tokens(self.name, self._wanted)

    # --- taking and giving back

    async def acquire(self) -> Lease:
        """Wait for a token; the calling task holds it then.

        Raises:
            RuntimeError: the calling task holds one.
            StoreUnavailableError: the server was silent for ``patience_s``.
        """
        return await self.acquire_on_behalf_of(asyncio.current_task())

    async def acquire_nowait(self) -> Lease:
        """Take a token if one is free and nobody waits; one round trip.

        Raises:
            anyio.WouldBlock: there is none.
        """
        try:
            return await self._acquire(asyncio.current_task(), "now or never")
        except anyio.WouldBlock:
            self._compare_total()  # a refusal tells of the total, too
            raise

    async def acquire_on_behalf_of(self, borrower: object) -> Lease:
        """Wait for a token in the name of *borrower*, which must hold none."""
        return await self._acquire(borrower, "token")

    def release(self) -> None:
        """Give the calling task's token back; waits for nothing.

        Raises:
            RuntimeError: it holds none.
        """
        self.release_on_behalf_of(asyncio.current_task())

    def release_on_behalf_of(self, borrower: object) -> None:
        """Give the token of *borrower* back; RuntimeError if it holds none."""
        lease = self._book.borrowers.get(borrower)
        if lease is None:
            raise RuntimeError(f"{borrower!r} holds no token of limiter {self.name!r}")
        del self._book.borrowers[borrower]
        if lease.in_block:
            self._book.early.setdefault(borrower, []).append(lease)
        lease.lose_if_untrusted()
        self._book.give_back(lease)
        if lease.lost_because is not None:
            warn(str(lease.loss(lease.lost_because)))

    async def _acquire(self, borrower: object, way: _Way) -> Lease:
        book, desk = self._book, self._desk
        desk.home.check()  # first: what follows reads and changes what is in use there
        if borrower in book.borrowers:
            raise RuntimeError(f"{borrower!r} holds a token of limiter {self.name!r}, or waits")
        held = leases_noted()
        while held and held[-1].is_over:  # as a rule the one of the block before
            held = held[:-1]
        if held:
            held = tuple([lease for lease in held if not lease.is_over])
            check_order(held, self.name, strict=self._strict)
        asked_at = time.monotonic() if self._measured else 0.0
        book.borrowers[borrower] = None
        request = None
        try:
            if desk.connection is None:
                await desk.ready()
            request = book.ask() if way != "now or never" else book.ask_for_now()
            lease = await request
            if not self._compared:
                self._compare_total()  # where warnings are errors, it raises
        except BaseException:
            del book.borrowers[borrower]
            if request is not None:
                book.withdraw(request)
                request = None  # or it and its error keep each other, and the frames of our callers
            raise
        book.borrowers[borrower] = lease
        if self._measured:
            desk.recorder.record(LIMITER_WAIT, time.monotonic() - asked_at, self.name)
        if way == "block":
            lease.in_block = True
            note_leases((*held, lease) if held else (lease,))
            if self._on_lost == "cancel":
                lease.scope = scope = desk.new_scope()
                scope.__enter__()
                if lease.lost_because is not None:
                    scope.cancel()
        return lease

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

    # --- as a block

    def __aenter__(self) -> Coroutine[object, object, Lease]:
        return self._acquire(asyncio.current_task(self._desk.loop), "block")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        book, task = self._book, asyncio.current_task(self._desk.loop)
        lease = book.borrowers.get(task)
        if lease is not None and lease.in_block:
            del book.borrowers[task]
            if lease.trust.until <= uptime_s():  # lose_if_untrusted, spelt out: for every token
                lease.lose(UNTRUSTED)
            book.give_back(lease)
        else:
            lease = self._given_back_inside(task)
        scope, lease.scope = lease.scope, None  # the lease may be remembered for long (order)
        ended_by_us = bool(scope.__exit__(kind, error, trace)) if scope is not None else False
        if lease.lost_because is None:
            return ended_by_us
        loss = lease.loss(lease.lost_because)
        if self._on_lost == "warn":
            warn(str(loss))
            return False
        if error is None or ended_by_us:
            raise loss from None
        error.add_note(str(loss))
        return False

    def _given_back_inside(self, task: object) -> Lease:
        early = self._book.early
        lease = early[task].pop()
        if not early[task]:
            del early[task]
        return lease


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
        raise ValueError(f"acquire_all({', '.join(names)}): each limiter once")
    leases: dict[str, Lease] = {}
    async with AsyncExitStack() as stack:
        for limiter in sorted(limiters, key=lambda one: one.name):
            leases[limiter.name] = await stack.enter_async_context(limiter)
        yield tuple(leases[name] for name in names)
