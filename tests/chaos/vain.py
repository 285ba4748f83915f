"""Bodies that a worker began after a pause, of calls that were another worker's by then. Pure.

A worker that is paused may have calls on their way to it, in its connection's buffer. While it
stands still its session ends and its calls are given on. When it goes on, it begins what has
reached it, and stops that again a few milliseconds later, when it learns that its session is lost.
Such a start is told from a rightful one by what else is known about the call: another worker began
it during the pause, and then neither died nor stood still before it had told of the end.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from chaos.evidence import Body, Stall
from chaos.records import Records

NOTICED_S = 0.06  # a process that stood still notes when it goes on again so much later at most
TOLD_S = 0.2  # an end that a body noted has reached the server after so long
HANDED_ON = ("cut", "ConnectionError")  # ends after which somebody else starts the call rightfully


class Vain:
    """Says of a body whether it was begun in vain."""

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
        self._found = {id(body) for body in bodies if self._is_vain(body)}

    def __contains__(self, body: Body) -> bool:
        return id(body) in self._found

    def __len__(self) -> int:
        return len(self._found)

    def _is_vain(self, body: Body) -> bool:
        for stall in self._stalls[body.who]:
            soon = stall.until - NOTICED_S <= body.started_at <= stall.until + self._session_s / 2
            if soon and any(self._took_over(body, o) for o in self._meanwhile(body, stall.since)):
                return True
        return False

    def _meanwhile(self, body: Body, since: float) -> Sequence[Body]:
        starts = self._starts[body.label, body.index]
        first = bisect_left(starts, since, key=lambda one: one.started_at)
        return [one for one in starts[first : starts.index(body)] if one.who != body.who]

    def _took_over(self, body: Body, other: Body) -> bool:
        if other.how in HANDED_ON and other.ended_at < body.started_at:
            return False
        upto = min(other.ended_at + TOLD_S, body.started_at)
        sound = self._records.killed_at(other.who) > upto and not any(
            stall.since < upto and stall.until > other.started_at
            for stall in self._stalls[other.who]
        )
        return sound or body.how in {"cut", ""}
