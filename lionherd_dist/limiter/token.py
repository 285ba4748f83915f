"""A token that this process holds: good for as long as its session is."""

import asyncio

import anyio

from lionherd_dist.errors import LeaseLost
from lionherd_dist.limiter.interrupt import Interrupt
from lionherd_dist.session.trust import Trust

UNTRUSTED = "its session was not renewed in time"
GIVEN_BACK = "it was given back"


class EndedTask:
    """What is known of a task that has ended: it keeps nothing of the task alive."""

    __slots__ = ("_text", "filename", "line")

    def __init__(self, task: "asyncio.Task[object]") -> None:
        self._text = described(task)
        code = getattr(task.get_coro(), "cr_code", None)
        self.filename: str | None = getattr(code, "co_filename", None)
        self.line: int = getattr(code, "co_firstlineno", 1)

    def __repr__(self) -> str:
        return self._text


def described(borrower: object) -> str:
    """*borrower* as messages name it: a task by its name and its function."""
    if not isinstance(borrower, asyncio.Task):
        return repr(borrower)
    function = getattr(borrower.get_coro(), "__qualname__", "")
    return f"task {borrower.get_name()!r}" + (f" ({function})" if function else "")


class Token:
    """One token of a limiter, as the book of the limiter knows it; users have its ``Lease``.

    Attributes:
        limiter: the limiter's name.
        number: of the request that it answers, within the session.
        fence: grows with every token that the limiter ever lends.
        trust: for how long its session, and so the token, is certainly ours.
        lost_because: why the token is ours no longer; None while it is.
        is_over: True once it was given back.
        in_block: True if a block holds it.
        borrower: in whose name it is held; None once it was given back.
        ends_with_task: True if the borrower is the task that took the token for itself.
        kept: the lease, while the borrower alone is enough to give the token back.
        interrupt: cancels the task of the block when the token is lost, if anything does.
    """

    limiter: str
    number: int
    fence: int
    trust: Trust
    in_block: bool
    is_over: bool
    ends_with_task: bool

    __slots__ = (
        "_event",
        "borrower",
        "ends_with_task",
        "fence",
        "in_block",
        "interrupt",
        "is_over",
        "kept",
        "limiter",
        "lost_because",
        "number",
        "trust",
    )

    def __init__(self, limiter: str, number: int, fence: int, trust: Trust) -> None:
        self.limiter, self.number, self.fence, self.trust = limiter, number, fence, trust
        self.lost_because: str | None = None
        self.is_over = self.in_block = self.ends_with_task = False
        self.borrower: object = None
        self.kept: object = None
        self.interrupt: Interrupt | None = None
        self._event: anyio.Event | None = None

    def check(self) -> None:
        """Raise LeaseLost unless the token is certainly ours."""
        if self.lost_because is not None:
            raise self.loss(self.lost_because)
        if self.is_over:
            raise self.loss(GIVEN_BACK)
        if self.trust.left_s() <= 0:
            raise self.loss(UNTRUSTED)

    @property
    def lost(self) -> anyio.Event:
        """Set when the token is lost."""
        if self._event is None:
            self._event = anyio.Event()
            if self.lost_because is not None:
                self._event.set()
        return self._event

    def loss(self, reason: str) -> LeaseLost:
        """The error that says so."""
        return LeaseLost(self.limiter, self.fence, reason)

    def lose(self, reason: str) -> None:
        """The token is, or may soon be, lent to another borrower."""
        if self.lost_because is not None:
            return
        self.lost_because = reason
        if self.interrupt is not None:
            self.interrupt.start()
        if self._event is not None:
            self._event.set()

    def lose_if_untrusted(self) -> None:
        """Lose it where the heartbeat has not said so yet: this process has just woken."""
        if self.trust.left_s() <= 0:
            self.lose(UNTRUSTED)

    def __repr__(self) -> str:
        state = "" if self.lost_because is None else f", lost: {self.lost_because}"
        return f"<token {self.fence} of limiter {self.limiter!r}{state}>"
