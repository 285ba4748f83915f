"""Two limiters are always taken in the order of their names, so that nobody waits in a circle."""

from contextvars import ContextVar

from lionherd_dist.errors import LockOrderError
from lionherd_dist.limiter.warning import warn

# What the code that runs here holds, its parents included. It wires nothing: it is only looked at.
_held: ContextVar[tuple[str, ...]] = ContextVar("lionherd_held_limiters", default=())


def inversion(held: tuple[str, ...], name: str) -> str | None:
    """The limiter in *held* that was to be taken after *name*, if there is one."""
    return max((other for other in held if other > name), default=None)


def check_order(name: str, *, strict: bool) -> None:
    """Warn that *name* is about to be taken out of turn.

    Raises:
        LockOrderError: instead of the warning, if *strict*.
    """
    held = _held.get()
    if not held:
        return
    other = inversion(held, name)
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


def taken(name: str) -> None:
    """The code here holds *name* now."""
    held = _held.get()
    _held.set((*held, name) if held else (name,))


def given_back(name: str) -> None:
    """The code here holds *name* no longer."""
    held = _held.get()
    if held == (name,):
        _held.set(())
    elif name in held:
        at = held.index(name)
        _held.set(held[:at] + held[at + 1 :])
