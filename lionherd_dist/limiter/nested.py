"""A task that waits for a token while only the tasks around it hold tokens: nothing may come of it.

``async with api:`` around ``await child()``, where the child takes ``api`` too, never ends if that
was the last token. Which tasks are around is read from the context that a task inherits. Whether
they wait for it cannot be known: they are given a moment to give their tokens back.
"""

import asyncio
from collections.abc import Callable, Iterable

from lionherd_dist.errors import LockOrderError
from lionherd_dist.limiter.token import Token, described
from lionherd_dist.limiter.warning import warn

GRACE_S = 0.25  # for tasks around that are about to leave their blocks

Tokens = tuple[Token, ...]


class NestedWaits:
    """The requests of one limiter that wait where tokens of the same limiter are held.

    Args:
        limiter: its name.
        holds: tells of a token whether it is this limiter's, and held.
    """

    def __init__(self, limiter: str, holds: Callable[[Token], bool]) -> None:
        self._limiter, self._holds = limiter, holds
        self._around: dict[asyncio.Future[Token], Tokens] = {}

    def held_in(self, noted: Iterable[Token]) -> Tokens:
        """Those of *noted* that are this limiter's, and held."""
        return tuple([token for token in noted if self._holds(token)])

    async def wait(
        self,
        request: "asyncio.Future[Token]",
        around: Tokens,
        total: Callable[[], int],
        strict: bool,
    ) -> None:
        """Wait until *request*, made where *around* are held, has its token; or until a warning.

        *total* tells how many tokens the limiter has; 0 where this is not known.

        Raises:
            LockOrderError: instead of the warning, if *strict*.
        """
        self._around[request] = around
        request.add_done_callback(self._around.pop)
        wait_s = GRACE_S
        while not (await asyncio.wait((request,), timeout=wait_s))[0]:
            stuck = {
                token: None
                for waiting, held in self._around.items()
                if not waiting.done()
                for token in self.held_in(held)
            }
            if 0 < total() <= len(stuck):
                self.tell(f"{described(asyncio.current_task())} waits for a token", stuck, strict)
                return
            wait_s *= 2

    def tell(self, what_waits: str, held: Iterable[Token], strict: bool) -> None:
        """Warn, or raise LockOrderError if *strict*, that *held* are all tokens there are."""
        holders = ", ".join(dict.fromkeys(described(token.borrower) for token in held))
        text = (
            f"limiter {self._limiter!r}: {what_waits} where all tokens are held by {holders}. If "
            "these wait in turn, none of them ever goes on. Take the token in one of them only; or "
            "give it back before waiting, with lease.release(); or have more tokens"
        )
        if strict:
            raise LockOrderError(text)
        warn(text)
