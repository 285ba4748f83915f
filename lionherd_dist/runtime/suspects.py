"""Calls that were in hand at several deaths: each runs alone, so that only its own deaths count.

Alone but for calls that wait for calls: one of those may wait for this very one. And a suspect that
waits for calls of its own has them beside it, where no other worker takes them; nobody else's.
"""

from collections.abc import Callable

from lionherd_dist.errors import PoisonTaskError
from lionherd_dist.runtime.slots import Slots
from lionherd_dist.store.calls import Taken

SUSPECT_AFTER_DEATHS = 2  # processes that died with it in hand; a neighbour may have killed them
DEATHS_ALONE = 3


def poison(taken: Taken) -> PoisonTaskError:
    """What its client is told of a call that ended its worker as often as that, alone."""
    return PoisonTaskError(
        f"call {taken.index} of job {taken.job} ended its worker each of the "
        f"{DEATHS_ALONE} times it ran alone; it is kept as a dead letter"
    )


class Suspects:
    """Those in the hand of one executor, which says when each arrives, begins and ends.

    Args:
        awaited: says whether some call of this worker waits for a job.

    Attributes:
        waiting: how many wait for their turn.
        begun: the numbers of those whose turn has come.
    """

    def __init__(self, slots: Slots, awaited: Callable[[str], bool]) -> None:
        self._slots, self._awaited = slots, awaited
        self.waiting: int = 0
        self.begun: set[int] = set()

    @property
    def need_quiet(self) -> bool:
        """True while no more calls are to be taken."""
        return self.waiting > 0 or not all(map(self._slots.lends, self.begun))

    def put_off(self, taken: Taken) -> bool:
        """True if *taken*, which has not begun, is to stay out of the way of one that has."""
        return bool(self.begun) and not self._awaited(taken.job)

    @property
    def alone(self) -> bool:
        """True if the only suspect that has begun has nothing beside it, whatever its session."""
        return self._slots.begun - self.waiting == 1
