"""A token that this process holds: good for as long as its session is."""

import anyio

from lionherd_dist.errors import LeaseLost
from lionherd_dist.session.trust import Trust

UNTRUSTED = "its session was not renewed in time"


class Lease:
    """One token of a limiter.

    Attributes:
        limiter: the limiter's name.
        number: of the request that it answers, within the session.
        fence: grows with every token that the limiter ever lends: a resource that remembers the
            highest it has seen can refuse whoever comes late.
        trust: for how long its session, and so the token, is certainly ours.
        lost_because: why the token is ours no longer; None while it is.
        scope: what is cancelled as soon as it is lost, if anything is.
        in_block: True if a block holds it.
        is_over: True once it was given back.
    """

    fence: int
    in_block: bool
    is_over: bool
    limiter: str
    number: int
    trust: Trust

    __slots__ = (
        "_event",
        "fence",
        "in_block",
        "is_over",
        "limiter",
        "lost_because",
        "number",
        "scope",
        "trust",
    )

    def __init__(self, limiter: str, number: int, fence: int, trust: Trust) -> None:
        self.limiter, self.number, self.fence, self.trust = limiter, number, fence, trust
        self.lost_because: str | None = None
        self.scope: anyio.CancelScope | None = None
        self.in_block = self.is_over = False
        self._event: anyio.Event | None = None

    def check(self) -> None:
        """Nothing, as long as the token is certainly ours; costs no round trip, from any thread.

        Raises:
            LeaseLost: it is not, or may not be: the session was not renewed for so long.
        """
        if self.lost_because is not None:
            raise self.loss(self.lost_because)
        if self.trust.left_s() <= 0:
            raise self.loss(UNTRUSTED)

    @property
    def lost(self) -> anyio.Event:
        """Set when the token is ours no longer."""
        if self._event is None:
            self._event = anyio.Event()
            if self.lost_because is not None:
                self._event.set()
        return self._event

    def loss(self, reason: str) -> LeaseLost:
        """The error that says so."""
        return LeaseLost(self.limiter, self.fence, reason)

    def lose(self, reason: str) -> None:
        """The token is, or may soon be, somebody else's."""
        if self.lost_because is not None:
            return
        self.lost_because = reason
        if self.scope is not None:
            self.scope.cancel()
        if self._event is not None:
            self._event.set()

    def lose_if_untrusted(self) -> None:
        """Lose it if nobody has said so yet: this process was paused, and has only just woken."""
        if self.trust.left_s() <= 0:
            self.lose(UNTRUSTED)

    def __repr__(self) -> str:
        state = "" if self.lost_because is None else f", lost: {self.lost_because}"
        return f"<lease of {self.limiter}, fence {self.fence}{state}>"
