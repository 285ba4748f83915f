"""In whose names this process waits for, and holds, the tokens of one limiter.

A token is held as long as something is left that can give it back. That is its lease; and what
keeps the lease alive:

    async with limiter          the block, until it is left
    acquire()                   the task that called it, until the task ends
    acquire_on_behalf_of(x)     x, until release_on_behalf_of(x)

When the lease is gone, and the token was not given back, nobody can do it any more: then it is done
here, with a warning.
"""

import asyncio
from collections.abc import Callable

from lionherd_dist.home import Home
from lionherd_dist.limiter.token import EndedTask, Token, described
from lionherd_dist.limiter.warning import warn, warn_at


class Borrowers:
    """Those of the limiter *limiter*; *give_back* has the server told that a token is free.

    Attributes:
        home: where tokens can be given back; from other threads, it is done there.
    """

    home: Home

    def __init__(self, limiter: str, give_back: Callable[[Token], None]) -> None:
        self._limiter, self._give_back, self.home = limiter, give_back, Home()
        self._tokens: dict[object, Token | None] = {}  # None for a borrower that waits
        self._watched: set[asyncio.Task[object]] = set()

    def all(self) -> tuple[object, ...]:
        """Those that hold a token or wait for one."""
        return tuple(self._tokens)

    def token_of(self, borrower: object) -> Token:
        """The token that *borrower* holds; RuntimeError if it holds none."""
        token = self._tokens.get(borrower)
        if token is None:
            raise RuntimeError(
                f"limiter {self._limiter!r}: {described(borrower)} holds no token of it. Give a "
                "token back through its lease, from any task: lease.release(). Or take and give "
                "back in a name of your own: acquire_on_behalf_of(), release_on_behalf_of()"
            )
        return token

    def begin(self, borrower: object) -> None:
        """*borrower* waits for a token; RuntimeError if it does already, or holds one."""
        if borrower in self._tokens:
            state = "waits for a token" if self._tokens[borrower] is None else "holds a token"
            raise RuntimeError(
                f"limiter {self._limiter!r}: {described(borrower)} {state} of it, and can have one "
                "at a time. Give that one back first, through its lease: lease.release(). Or take "
                "another in a name of your own: acquire_on_behalf_of(), release_on_behalf_of()"
            )
        self._tokens[borrower] = None

    def give_up(self, borrower: object) -> None:
        """*borrower* waits no more."""
        del self._tokens[borrower]

    def take(self, borrower: object, token: Token, *, until_it_ends: bool) -> None:
        """*token* has come for *borrower*, which may be a task that holds it *until_it_ends*."""
        self._tokens[borrower] = token
        token.borrower, token.ends_with_task = borrower, until_it_ends
        if until_it_ends and borrower not in self._watched and isinstance(borrower, asyncio.Task):
            self._watched.add(borrower)
            borrower.add_done_callback(self._task_ended)

    def _task_ended(self, task: "asyncio.Task[object]") -> None:
        self._watched.discard(task)
        token = self._tokens.get(task)
        if token is not None and token.ends_with_task:
            del self._tokens[task]
            token.borrower = EndedTask(task)
            token.kept = token.interrupt = None  # its result may be what keeps the lease alive

    def end(self, token: Token) -> None:
        """*token* is held no longer, and goes back to the server."""
        if self._tokens.get(token.borrower) is token:
            del self._tokens[token.borrower]
        self._give_back(token)
        token.borrower = token.kept = None  # the token may be remembered for long (see order)
        if token.lost_because is None:
            token.interrupt = None

    def release(self, token: Token) -> None:
        """Give *token* back if that was not done before; warn if it was lost."""
        if token.is_over:
            return
        token.lose_if_untrusted()
        self.end(token)
        if token.lost_because is not None:
            warn(str(token.loss(token.lost_because)))

    def release_from_anywhere(self, token: Token) -> None:
        """The same, in any thread."""
        self.home.check_process()
        if self.home.is_here:
            self.release(token)
        else:
            self.home.call_soon(self.release, token)

    def dropped(self, token: Token) -> None:
        """The lease of *token* is gone; said by the garbage collector, in any thread, any time."""
        self.home.call_soon(self._take_back, token)

    def _take_back(self, token: Token) -> None:
        if token.is_over or token.lost_because is not None:
            return
        borrower = token.borrower
        self.end(token)
        text = (
            f"limiter {self._limiter!r}: {described(borrower)} "
            "took a token that nothing can give back any more, so it was given back now. Take it "
            "with `async with`; or keep the lease, and call lease.release()"
        )
        if isinstance(borrower, EndedTask) and borrower.filename is not None:
            warn_at(text, borrower.filename, borrower.line)
        else:
            warn(text)
