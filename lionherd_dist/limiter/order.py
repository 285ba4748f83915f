"""Two limiters are always taken in the order of their names, so that nobody waits in a circle."""

from collections.abc import Callable, Iterable
from contextvars import ContextVar

from lionherd_dist.errors import LockOrderError
from lionherd_dist.limiter.lease import Lease
from lionherd_dist.limiter.warning import warn

# Of the blocks around the code that runs here, and around the start of its task: and of some that
# have ended, as only who enters a block writes here. It wires nothing: it is only looked at.
_HELD: ContextVar[tuple[Lease, ...]] = ContextVar("lionherd_leases", default=())

# For every token: no functions around them.
leases_noted: Callable[[], tuple[Lease, ...]] = _HELD.get
note_leases: Callable[[tuple[Lease, ...]], object] = _HELD.set


def inversion(held: Iterable[str], name: str) -> str | None:
    """The limiter in *held* that was to be taken after *name*, if there is one."""
    return max((other for other in held if other > name), default=None)


def check_order(held: tuple[Lease, ...], name: str, *, strict: bool) -> None:
    """Warn if *name* is about to be taken out of turn, by code that holds *held*.

    Raises:
        LockOrderError: instead of the warning, if *strict*.
    """
    other = inversion((lease.limiter for lease in held), name)
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
