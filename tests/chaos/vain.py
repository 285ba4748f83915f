"""Bodies that a worker began after a pause, of calls that were another worker's by then. Pure.

A worker that is paused may have calls on their way to it, in its connection's buffer. While it
stands still its session ends and its calls are given on. When it goes on, it begins what has
reached it, and stops that again a few milliseconds later, when it learns that its session is lost.
Such a start is told from a rightful one by what else is known about the call: another worker began
it during the pause, and then neither died nor stood still before it had told of the end.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence

from chaos.evidence import Body, Stall
from chaos.records import Records

NOTICED_S = 0.06  # a process that stood still notes when it goes on again so much later at most
TOLD_S = 0.05  # an end that a body noted has reached the server after so long
HANDED_ON = ("cut", "ConnectionError")  # ends after which somebody else starts the call rightfully


class Vain:
    """Says of bodies whether they were begun in vain.

    Attributes:
        sure: ids of bodies whose call another worker had, and went on to end.
        doubtful: ids of bodies that did not end, and whose call another worker had begun; that one
            stood still or died, so that either may have been the rightful one.
    """

    def __init__(
        self, bodies: Sequence[Body], stalls: Sequence[Stall], records: Records, session_s: float
    ) -> None:
        self._records, self._session_s = records, session_s
        self._starts: dict[tuple[str, int], list[Body]] = defaultdict(list)
        self._stalls: dict[str, list[Stall]] = defaultdict(list)
        for body in bodies:
            self._starts[body.label, body.index].append(body)
        for stall in stalls:
            self._stalls[stall.who].append(stall)
        self.sure: set[int] = set()
        self.doubtful: set[int] = set()
        for body in bodies:
            others = list(self._meanwhile(body))
            if any(self._went_on(other, body) for other in others):
                self.sure.add(id(body))
            elif others and body.how in {"cut", ""}:
                self.doubtful.add(id(body))

    def given_on(self, one: Body, at: float) -> bool:
        """True if another worker began the call of *one* between its look for a slot and *at*."""
        starts = self._starts[one.label, one.index]
        return any(other.who != one.who and one.since < other.started_at <= at for other in starts)

    def left_behind(self, one: Body, body: Body) -> bool:
        """True if *one* stands still, and the row that it is in was given on from *body* on.

        In a row of calls, which come one at a time, a worker may be further than the server knows.
        """
        row = self._starts[body.label, body.index]
        return (
            one.who != body.who
            and one.index > body.index
            and any(mine.who == one.who and mine.started_at < one.started_at for mine in row)
            and any(
                stall.since <= body.started_at <= stall.until for stall in self._stalls[one.who]
            )
        )

    def _meanwhile(self, body: Body) -> Iterator[Body]:
        """Other workers' bodies of the call, begun while this one's stood still, just before."""
        starts = self._starts[body.label, body.index]
        for stall in self._stalls[body.who]:
            if stall.until - NOTICED_S <= body.started_at <= stall.until + self._session_s / 2:
                first = bisect_left(starts, stall.since, key=lambda one: one.started_at)
                for other in starts[first : starts.index(body)]:
                    given_away = other.how in HANDED_ON and other.ended_at < body.started_at
                    if other.who != body.who and not given_away:
                        yield other

    def _went_on(self, other: Body, body: Body) -> bool:
        upto = min(other.ended_at + TOLD_S, body.started_at)
        return self._records.killed_at(other.who) > upto and not any(
            stall.since < upto and stall.until > other.started_at
            for stall in self._stalls[other.who]
        )
