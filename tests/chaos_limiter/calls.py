"""Calls that hold a token each, and whether the token stayed with the call. Pure.

A call is given its token before a worker takes it and keeps it to its outcome, whichever worker
runs it. Its body does not know the fence: that stands in the server's list of who holds tokens.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chaos.evidence import Body
from chaos.records import Records
from chaos.vain import Vain

from chaos_limiter.evidence import Sample, Turn

ENDED = "done"


@dataclass(slots=True)
class CallToken:
    """One call, the bodies that ran it, in order, and what the server said of its token.

    Args:
        fences: all that it was ever seen with.
    """

    label: str
    index: int
    bodies: list[Body] = field(default_factory=list)
    fences: set[int] = field(default_factory=set)

    @property
    def needed(self) -> tuple[float, float]:
        """From when to when it surely needs its token: its first start, its outcome."""
        ends = [body.ended_at for body in self.bodies if body.how == ENDED]
        last = self.bodies[-1].started_at
        return self.bodies[0].started_at, min(ends, default=last)


class CallTokens:
    """All calls of a run.

    Args:
        bodies: in the order of their starts.
        ids: of jobs, by label.
        samples: of the limiter, in order.
    """

    def __init__(
        self,
        bodies: Sequence[Body],
        ids: Mapping[str, str],
        samples: Sequence[Sample],
        in_vain: Vain,
    ) -> None:
        self._ids, self._samples = ids, samples
        self._vain = in_vain.sure | in_vain.doubtful  # ids of bodies
        self._bodies = bodies
        self.calls: dict[str, CallToken] = {}
        for body in bodies:
            if id(body) not in self._vain:
                name = self.name(body)
                self.calls.setdefault(name, CallToken(body.label, body.index)).bodies.append(body)
        for sample in samples:
            for name, fence in sample.lent.items():
                if name in self.calls:
                    self.calls[name].fences.add(fence)

    def name(self, body: Body) -> str:
        """The call, as the server's list of holders has it."""
        return f"{self._ids.get(body.label, body.label)}/{body.index}"

    def strayed(self) -> list[str]:
        """In words, each call that was given a second token, or that ran without."""
        needs = [(*call.needed, name) for name, call in self.calls.items()]
        needs.sort(reverse=True)
        running: dict[str, float] = {}
        without: dict[str, float] = {}
        for sample in self._samples:
            while needs and needs[-1][0] <= sample.before:
                _, until, name = needs.pop()
                running[name] = until
            running = {name: until for name, until in running.items() if until >= sample.after}
            for name in running.keys() - sample.lent.keys():
                without.setdefault(name, sample.before)
        found = [f"{name} ran without, at {at:.3f}" for name, at in without.items()]
        for name, call in self.calls.items():
            if len(call.fences) > 1:
                found.append(f"{name} was given {sorted(call.fences)}")
        return [f"call's token: {what}" for what in found]

    def turns(self, limiter: str, records: Records) -> list[Turn]:
        """Each body as a holder like any other, for as long as the call was its own.

        One that was begun in vain, or whose token no look at the server met, is believed by nobody.
        """
        found: list[Turn] = []
        for body in self._bodies:
            turn = Turn(limiter, body.who, "call", -1, "", -math.inf)
            turn.slot, turn.since, turn.at = body.slot, body.since, body.started_at
            turn.gone = min(body.ended_at, records.gone_at(body.who))
            call = self.calls.get(self.name(body))
            if call is not None and id(body) not in self._vain and call.fences:
                turn.fence = min(call.fences)
                later = [one.started_at for one in call.bodies if one.started_at > body.started_at]
                turn.believed = min(body.ended_at, math.nextafter(min(later, default=math.inf), 0))
            found.append(turn)
        return found

    def begun_again(self) -> int:
        """How many calls more than one worker began rightfully."""
        return sum(len({body.who for body in call.bodies}) > 1 for call in self.calls.values())
