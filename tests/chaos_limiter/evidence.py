"""The files of a run, read into values: who asked, who held, what the total was, and when.

Turns are those of code, which asks for itself; calls ask by way of their job, and are in
``calls.py``.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from chaos.notes import read_notes
from chaos.records import Records


@dataclass(slots=True)
class Turn:
    """One request for a token of one limiter, by a coroutine of one life of a process.

    Times are monotonic. Of two limiters taken together, when the second is asked for is not known:
    ``asked_at`` is that of the first.

    Args:
        way: how it asks: ``block``, ``at once``, ``both`` limiters; or a ``call``.
        asked_in: the session in which it asked; ``held_in``: that in which it was given the token.
        since: a moment before the slot was taken; ``at``: one after it, in the block.
        believed: the last moment at which the lease was surely good, by the holder's own lights.
        gone: a moment after the slot was given back.
    """

    limiter: str
    who: str
    way: str
    coroutine: int
    asked_in: str
    asked_at: float
    fence: int = 0
    slot: int = 0
    held_in: str = ""
    since: float = math.inf
    at: float = math.inf
    believed: float = 0.0
    gone: float = math.inf
    over: bool = False

    @property
    def held(self) -> bool:
        """True if it was given a token."""
        return self.fence > 0


def read_turns(directory: Path, records: Records) -> list[Turn]:
    """Every request; what a killed process held is gone when its end was seen."""
    turns: dict[tuple[object, ...], Turn] = {}
    for line in read_notes(directory / "holds.log"):
        turn = turns.get(tuple(line[1:4]))
        match line:
            case ["W", who, n, str(name), str(way), int(coroutine), str(session), float(at)]:
                turns[who, n, name] = Turn(name, str(who), way, coroutine, session, at)
            case ["S", _, _, _, int(fence), int(slot), str(session), float(since), float(at)] if (
                turn
            ):
                turn.fence, turn.slot, turn.held_in = fence, slot, session
                turn.since, turn.at = since, at
            case ["B", _, _, _, float(at)] if turn:
                turn.believed = at
            case ["E", _, _, _, float(believed), float(gone)] if turn:
                turn.believed, turn.gone = believed, gone
            case ["C", *_] if turn:
                turn.over = True
    for turn in turns.values():
        turn.gone = min(turn.gone, records.gone_at(turn.who))
    return list(turns.values())


@dataclass(frozen=True, slots=True)
class Sample:
    """The limiter at the server, at some moment between *before* and *after*.

    Args:
        lent: fence of each token, by who holds it: ``session/request`` or ``job/index``.
    """

    before: float
    after: float
    lent: dict[str, int]
    total: int
    fence: int


@dataclass(slots=True)
class Steps:
    """A number that changes: each (asked, answered, value) came to be between the two moments."""

    steps: list[tuple[float, float, int]] = field(default_factory=list)

    def most(self, since: float, until: float) -> int:
        """The largest value between two moments, in either order: false fences turn them round."""
        since, until = min(since, until), max(since, until)
        ends = [answered for _, answered, _ in self.steps[1:]] + [math.inf]
        steps = zip(self.steps, ends, strict=True)
        return max(value for (asked, _, value), end in steps if asked <= until and end >= since)


@dataclass(slots=True)
class Ledger:
    """What the limiter's total was, how many slots there were, and what the server said."""

    totals: Steps = field(default_factory=Steps)
    slots: Steps = field(default_factory=Steps)
    samples: list[Sample] = field(default_factory=list)

    def lent_between(self, fence: int) -> tuple[float, float]:
        """When the token *fence* was lent, as the server's fences say."""
        place = bisect_left(self.samples, fence, key=lambda sample: sample.fence)
        since = self.samples[place - 1].before if place > 0 else -math.inf
        until = self.samples[place].after if place < len(self.samples) else math.inf
        return since, until
