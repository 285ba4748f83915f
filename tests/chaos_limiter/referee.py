"""The judge of a limiter's chaos run: it reads files and samples, and knows no library.

What is counted against the library:

- **over the total**: at some moment more holders held their lease for good than the limiter had
  tokens. Shrinking the total below what is held takes nothing from anybody, so holders are put in
  the order of their fences, which is the order in which they were lent tokens: with the k-th of
  them at most k were held when it was lent its token, so the total of *that* moment was k at
  least. A holder counts from when it was in its block to the last moment at which ``lease.check()``
  passed: one that is paused, or whose process lost its session, is none that anybody believes in.
- **slots**: the same by another witness. Each holder takes one of as many flock'ed files as there
  are tokens, which the kernel frees when a process dies. One that finds all held takes a further
  one: there must then be as many holders who held a file and did not believe in their lease.
- **the server's own count** of tokens that are lent, against the total when the last was lent.
- **fences**: one given twice, or a lower one to who asked after a higher one was given.
- **starved**: a request that waited longer than ``starved_s`` in a process that lived, or a
  coroutine that got nothing more after the last event.
- **overtaken**: a request that was served before one that had asked a session earlier, and had not
  had to ask again in a new session, nor given up.
- **too little**: fewer events than planned; **keys** left at the server; processes that failed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from chaos.evidence import Stall, read_stalls
from chaos.records import Records

from chaos_limiter.evidence import Ledger, Turn, read_turns
from chaos_limiter.plan import Plan


@dataclass(slots=True)
class Findings:
    """What the referee found; ``violations`` is empty after a clean run.

    Attributes:
        closest: the most holders at once, and the total that there was then: the fullest moment.
        waits: seconds from each request that was served to its token, in order.
    """

    plan: Plan
    records: Records
    directory: Path
    turns: int = 0
    grants: int = 0
    samples: int = 0
    resizes: int = 0
    over_total: int = 0
    over_slots: int = 0
    over_server: int = 0
    fences: int = 0
    starved: int = 0
    overtaken: int = 0
    closest: tuple[int, int] = (0, 1)
    waits: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def against(self, what: str) -> None:
        """Add a violation."""
        self.violations.append(what)


def judge(plan: Plan, directory: Path, records: Records, ledger: Ledger) -> Findings:
    """What the files in *directory*, the driver's *records* and the server's *ledger* say."""
    turns = read_turns(directory, records)
    found = Findings(plan, records, directory, turns=len(turns))
    held = sorted((turn for turn in turns if turn.held), key=lambda turn: turn.at)
    found.grants, found.samples = len(held), len(ledger.samples)
    found.resizes = len(ledger.totals.steps) - 1
    found.waits = sorted(turn.at - turn.asked_at for turn in held)
    judge_holders(found, held, ledger)
    judge_server(found, ledger)
    judge_fences(found, held)
    judge_waits(found, turns, read_stalls(directory, records))
    judge_chaos(found)
    return found


def judge_holders(found: Findings, held: list[Turn], ledger: Ledger) -> None:
    """Never more than the total; *held* in the order in which they were in their blocks."""
    lent_by = _lent_by(held)
    around: list[Turn] = []  # those that may hold a slot, believed or not
    waiting_slots = sorted(held, key=lambda turn: turn.since)
    entering = 0
    earliest = list(accumulate((turn.since for turn in reversed(held)), min))[::-1]
    for place, turn in enumerate(held):
        at = turn.at
        while entering < len(waiting_slots) and waiting_slots[entering].since <= at:
            around.append(waiting_slots[entering])
            entering += 1
        around = [one for one in around if one.gone >= earliest[place]]
        good = [one for one in around if one.at <= at <= one.believed and at < _dead(found, one)]
        good.sort(key=lambda one: one.fence)
        total = 1
        for count, one in enumerate(good, 1):
            since, until = ledger.lent_between(one.fence)
            total = ledger.totals.most(max(since, one.asked_at), min(until, lent_by[one.fence]))
            if count > total:
                found.over_total += 1
                found.against(f"over the total: {count} of {total} at {at:.3f}, {turn}")
                break
        most, of = found.closest
        if (len(good) / total, len(good)) > (most / of, most):
            found.closest = (len(good), total)
        doubtful = sum(one.gone >= turn.since for one in around) - len(good)
        bound = ledger.slots.most(turn.since, at)
        if turn.slot >= bound + doubtful:
            found.over_slots += 1
            found.against(f"slots: took {turn.slot} of {bound}, {doubtful} in doubt, {turn}")


def _dead(found: Findings, turn: Turn) -> float:
    return found.records.killed_at(turn.who)


def _lent_by(held: Iterable[Turn]) -> dict[int, float]:
    """By fence, a moment before which it was lent: any later one was in its block by then."""
    falling = sorted(held, key=lambda turn: -turn.fence)
    moments = accumulate((turn.at for turn in falling), min)
    return {turn.fence: at for turn, at in zip(falling, moments, strict=True)}


def judge_server(found: Findings, ledger: Ledger) -> None:
    """The server's own count, against the total when the last token was lent."""
    fence = 0
    for sample in ledger.samples:
        if sample.fence < fence:
            found.fences += 1
            found.against(f"fences: the server's went from {fence} to {sample.fence}")
        fence = max(fence, sample.fence)
        since, _ = ledger.lent_between(sample.fence)
        total = ledger.totals.most(since, sample.after)
        if sample.held > total:
            found.over_server += 1
            found.against(f"over the total at the server: {sample.held} of {total}, {sample}")


def judge_fences(found: Findings, held: list[Turn]) -> None:
    """Each is higher than all that were known to be given when it was asked for."""
    highest = list(accumulate((turn.fence for turn in held), max))
    moments = [turn.at for turn in held]
    seen: set[int] = set()
    for turn in held:
        before = bisect_left(moments, turn.asked_at)
        if turn.fence in seen or (before and turn.fence <= highest[before - 1]):
            found.fences += 1
            found.against(f"fences: {turn.fence} after {highest[before - 1]}, {turn}")
        seen.add(turn.fence)


def judge_waits(found: Findings, turns: list[Turn], stalls: list[Stall]) -> None:
    """Nobody is starved, and nobody overtaken by who came a session later."""
    session_s = found.plan.session_s
    held = sorted((turn for turn in turns if turn.held), key=lambda turn: turn.asked_at)
    asked = [turn.asked_at for turn in held]
    for turn in turns:
        until = min(turn.at, _dead(found, turn), found.records.gone_at(turn.who))
        if turn.over and not turn.held:
            continue
        stalled = any(
            one.who == turn.who and one.since < until and one.until > turn.asked_at
            for one in stalls
        )
        if not stalled and until - turn.asked_at > found.plan.starved_s:
            found.starved += 1
            found.against(f"starved: {turn} waited {until - turn.asked_at:.1f} s")
        if turn.held and turn.asked_in == turn.held_in and not stalled:
            first = bisect_right(asked, turn.asked_at + session_s)
            last = bisect_left(asked, turn.at)
            if any(other.fence < turn.fence for other in held[first:last]):
                found.overtaken += 1
                found.against(f"overtaken: {turn}")


def judge_chaos(found: Findings) -> None:
    """A run that did less than was planned proves less than it says; and what it left."""
    done, plan = found.records, found.plan
    counts = ((done.kills, "kills"), (done.pauses, "pauses"), (found.resizes, "resizes"))
    for count, name in counts:
        if count < getattr(plan, name):
            found.against(f"too little: {count} {name} of {getattr(plan, name)}")
    for name in done.keys_left:
        found.against(f"key left: {name}")
    for complaint in done.complaints:
        found.against(f"process: {complaint}")
    if done.hung:
        found.against("starved: a coroutine got no token after the last event")
