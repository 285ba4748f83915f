"""How far a job is, for whoever wants to show it."""

from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from lionherd_dist.errors import ExtraMissingError

BAR_ROOM = "lionherd_dist.bar"  # imported when it is wanted: what it draws with is an extra


@dataclass(frozen=True, slots=True)
class Progress:
    """The outcomes of a job that were consumed so far.

    Args:
        done: how many, failures included.
        failed: how many of them are no success; of those that were consumed here.
        total: how many there will be; None while that is not known.
        elapsed_s: seconds since its stream was entered.
        per_second: how many were consumed here, by ``elapsed_s``.
        before: how many of ``done`` earlier readers of an attached job had consumed.
    """

    done: int
    failed: int
    total: int | None
    elapsed_s: float
    per_second: float
    before: int = 0

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at this rate; None if that cannot be said."""
        if self.total is None or not self.per_second:
            return None
        return max(0, self.total - self.done) / self.per_second


class Bar(Protocol):
    """Shows progress until it is closed."""

    def show(self, progress: Progress) -> None:
        """Show *progress*."""

    def close(self) -> None:
        """Show nothing more; what was shown last stays."""


def open_bar() -> Bar:
    """A bar on standard error.

    Raises:
        ExtraMissingError: what it is drawn with is not installed.
    """
    try:
        bar: Bar = import_module(BAR_ROOM).RichBar()
    except ModuleNotFoundError as error:
        raise ExtraMissingError(
            f"progress=True draws with {error.name}, which is not installed. Install it with: "
            'pip install "lionherd-dist[cli]"; or give a function instead of True'
        ) from None
    return bar
