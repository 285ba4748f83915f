"""Two limiters are always taken in the order of their names, so that nobody waits in a circle."""

from collections.abc import Callable, Iterable
from contextvars import ContextVar

from lionherd_dist.errors import LockOrderError
from lionherd_dist.limiter.token import Token
from lionherd_dist.limiter.warning import warn

# Tokens that were taken by the code that runs here, or before the start of its task by the code
# that started it: and some that were given back, as only code that takes a token writes here. It
# wires nothing: it is only looked at.
_TAKEN: ContextVar[tuple[Token, ...]] = ContextVar("lionherd_tokens", default=())

# For every token: no functions around them.
tokens_noted: Callable[[], tuple[Token, ...]] = _TAKEN.get
note_tokens: Callable[[tuple[Token, ...]], object] = _TAKEN.set


def inversion(held: Iterable[str], name: str) -> str | None:
    """The limiter in *held* that was to be taken after *name*, if there is one."""
    return max((other for other in held if other > name), default=None)


def check_order(held: tuple[Token, ...], name: str, *, strict: bool) -> None:
    """Warn if *name* is about to be taken out of turn, by code inside blocks that hold *held*.

    Raises:
        LockOrderError: instead of the warning, if *strict*.
    """
    other = inversion((token.limiter for token in held if token.in_block), name)
    if other is None:
        return
    text = (
        f"limiter {name!r} is taken while {other!r} is held: another task that takes them the "
        "other way round would wait for this one, and this one for it. Take both with "
        f"acquire_all(), or {name!r} first"
    )
    if strict:
        raise LockOrderError(text)
    warn(text)
