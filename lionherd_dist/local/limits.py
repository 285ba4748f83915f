"""What a limiter is, wherever its tokens are kept."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LimiterStatistics:
    """A limiter at one moment.

    Args:
        total_tokens: how many tokens there are.
        borrowed_tokens: how many are held.
        tasks_waiting: how many requests wait for one.
        borrowers: who holds or waits in this process.
        holders: how many tokens each process (by its session) and each job holds; empty for a
            limiter of one process.
    """

    total_tokens: float
    borrowed_tokens: float
    tasks_waiting: int
    borrowers: tuple[object, ...]
    holders: Mapping[str, int]


class Limiter(Protocol):
    """Tokens of which a borrower, by default the calling task, holds one at a time.

    ``CapacityLimiter`` is one for the tasks of this process; ``Cluster.capacity_limiter`` gives one
    for all processes.
    """

    @property
    def total_tokens(self) -> float:
        """How many tokens there are."""
        ...

    @property
    def borrowed_tokens(self) -> float:
        """How many are held."""
        ...

    @property
    def available_tokens(self) -> float:
        """How many are free."""
        ...

    async def set_total_tokens(self, total_tokens: int) -> None:
        """Have another number of tokens from now on; what is held stays held."""
        ...

    async def acquire(self) -> object:
        """Wait for a token, first come, first served; RuntimeError if the caller holds one."""
        ...

    async def acquire_nowait(self) -> object:
        """Take a token that is free now; ``anyio.WouldBlock`` if there is none."""
        ...

    async def acquire_on_behalf_of(self, borrower: object) -> object:
        """Wait for a token in the name of *borrower*."""
        ...

    def release(self) -> None:
        """Give the caller's token back; RuntimeError if it holds none."""
        ...

    def release_on_behalf_of(self, borrower: object) -> None:
        """Give the token of *borrower* back; RuntimeError if it holds none."""
        ...

    def statistics(self) -> LimiterStatistics:
        """The limiter now, or as this process last heard of it."""
        ...

    def __aenter__(self) -> Awaitable[object]: ...

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> Awaitable[bool | None]: ...
