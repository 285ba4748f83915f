"""What an adapter of a limiter offers."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias, cast

from harness import contender
from harness.contender import Place

# What a user writes behind ``async with`` for each token.
Entering: TypeAlias = Callable[[], AbstractAsyncContextManager[object, object]]

OURS = "ours"
NAMES = (OURS, "self_limiters", "steindamm", "redis_lock", "dask")


class Adapter(Protocol):
    """A module in ``adapters/limiters/``."""

    REQUIREMENTS: tuple[str, ...]  # pinned, for pip
    SETTING: str  # what was chosen, as the report says it
    MOST: int | None  # tokens that it can have; None for any number

    def open_limiter(self, place: Place, total: int) -> AbstractAsyncContextManager[Entering]: ...


def full(name: str) -> str:
    """The adapter *name* as the harness knows it."""
    return f"limiters.{name}"


def load(name: str) -> Adapter:
    return cast("Adapter", contender.load(full(name)))
