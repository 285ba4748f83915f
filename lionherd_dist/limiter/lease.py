"""What code that holds a token has of it."""

import anyio

from lionherd_dist.limiter.borrowers import Borrowers
from lionherd_dist.limiter.token import Token


class Lease:
    """A token of a limiter that this process holds.

    The token is held until it is given back: by the end of its block, by ``release`` here, or by
    ``release`` of the limiter. Where none of these is possible any more, because the lease and the
    task are gone, it is given back with a LimiterWarning.

    Attributes:
        token: what the limiter knows of it.
    """

    token: Token

    __slots__ = ("_borrowers", "token")

    def __init__(self, token: Token, borrowers: Borrowers) -> None:
        self.token, self._borrowers = token, borrowers

    @property
    def limiter(self) -> str:
        """The limiter's name."""
        return self.token.limiter

    @property
    def fence(self) -> int:
        """Grows with every token that the limiter ever lends.

        A resource that remembers the highest it has seen can refuse a holder that comes late.
        """
        return self.token.fence

    @property
    def lost_because(self) -> str | None:
        """Why the token is ours no longer; None while it is not lost."""
        return self.token.lost_because

    @property
    def lost(self) -> anyio.Event:
        """Set when the token is lost; not when it is given back."""
        return self.token.lost

    def check(self) -> None:
        """Nothing, as long as the token is certainly ours; costs no round trip, from any thread.

        Raises:
            LeaseLost: it is not, or may not be: it was lost or given back, or the session was not
                renewed for so long.
        """
        self.token.check()

    def release(self) -> None:
        """Give the token back now, from any task or thread; nothing if that was done before.

        In another thread it returns at once, and the token goes back when the event loop of the
        cluster comes to it. The block of the token, if there is one, goes on without it. A token
        that was lost meanwhile is warned of with a LimiterWarning.

        Raises:
            ForkedClientError: the token belongs to the process that this one was forked from.
        """
        self._borrowers.release_from_anywhere(self.token)

    def __del__(self) -> None:  # here nothing can give the token back any more: see Borrowers
        token = self.token
        if not token.is_over and token.lost_because is None:
            self._borrowers.dropped(token)

    def __repr__(self) -> str:
        token = self.token
        state = ", given back" if token.is_over else ""
        if token.lost_because is not None:
            state += f", lost: {token.lost_because}"
        return f"<lease of {token.limiter}, fence {token.fence}{state}>"
