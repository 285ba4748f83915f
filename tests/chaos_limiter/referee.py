"""The judge of a limiter's chaos run: it reads files and samples, and knows no library.

Holders are code in its block, or between ``acquire_nowait`` and ``release``, and calls of jobs.

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
- **call's token**: a call that ran while the server's list had no token of it, from its first start
  to its outcome, whichever workers died meanwhile; or one that was given two.
- **too little**: fewer events than planned; **keys** left at the server; processes that failed.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from chaos.evidence import Stall, read_bodies, read_stalls
from chaos.findings import Verdict
from chaos.records import Records
from chaos.vain import Vain

from chaos_limiter.calls import CallTokens
from chaos_limiter.evidence import Ledger, Turn, read_turns
from chaos_limiter.plan import API, Plan


@dataclass(slots=True)
class Findings(Verdict[Plan]):
    """What the referee found.

    Attributes:
        grants: to code, of either limiter, by the way in which it asked.
        calls: of jobs, each with a token; ``again`` were begun by another worker after the first.
        closest: the most holders at once, and the total that there was then: the fullest moment
            of each limiter.
        waits: seconds from each request that was served to its token, in order.
    """

    turns: int = 0
    grants: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    again: int = 0
    samples: int = 0
    resizes: int = 0
    over_total: int = 0
    over_slots: int = 0
    over_server: int = 0
    fences: int = 0
    starved: int = 0
    overtaken: int = 0
    strayed: int = 0
    closest: dict[str, tuple[int, int]] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)


def judge(
    plan: Plan,
    directory: Path,
    records: Records,
    ledgers: Mapping[str, Ledger],
    jobs: Mapping[str, str],
) -> Findings:
    """What is against the library, after a run of *plan*.

    Args:
        plan: the run's.
        directory: where the processes wrote what they did.
        records: what the driver did to them.
        ledgers: what the server said of each limiter.
        jobs: the id at the server of each, by label.
    """
    turns, stalls = read_turns(directory, records), read_stalls(directory, records)
    found = Findings(plan, records, directory)
    bodies, samples = read_bodies(directory), ledgers[API].samples
    vain = Vain(bodies, stalls, records, plan.session_s)
    calls = CallTokens(bodies, jobs, samples, vain)
    for name, ledger in ledgers.items():
        held = sorted((one for one in turns if one.held and one.limiter == name), key=_at)
        running = calls.turns(API, records) if name == API else []
        judge_holders(found, name, sorted([*held, *running], key=_at), ledger)
        judge_server(found, ledger)
        judge_fences(found, held)
        found.grants.update(turn.way for turn in held)
    asked = [turn for turn in turns if turn.limiter == API]
    judge_waits(found, asked, stalls)
    judge_calls(found, calls)
    found.turns, found.samples = len(asked), len(samples)
    found.resizes = len(ledgers[API].totals.steps) - 1
    found.waits = sorted(turn.at - turn.asked_at for turn in asked if turn.held)
    found.judge_amount(kills=records.kills, pauses=records.pauses, resizes=found.resizes)
    found.judge_leftovers()
    if records.hung:
        found.against("starved: a coroutine got no token, or a job no end, after the last event")
    return found


def _at(turn: Turn) -> float:
    return turn.at


def judge_holders(found: Findings, name: str, held: list[Turn], ledger: Ledger) -> None:
    """Never more than the total; *held* in the order in which they were in their blocks."""
    lent_by = _lent_by(held)
    closest = (0, 1)
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
        closest = max(closest, (len(good), total), key=_fullness)
        doubtful = sum(one.gone >= turn.since for one in around) - len(good)
        bound = ledger.slots.most(turn.since, at)
        if turn.slot >= bound + doubtful:
            found.over_slots += 1
            found.against(f"slots: took {turn.slot} of {bound}, {doubtful} in doubt, {turn}")
    found.closest[name] = closest


def _fullness(moment: tuple[int, int]) -> tuple[float, int]:
    count, total = moment
    return count / total, count


def _dead(found: Findings, turn: Turn) -> float:
    return found.records.killed_at(turn.who)


def _lent_by(held: Iterable[Turn]) -> dict[int, float]:
    """By fence, a moment before which it was lent: any later one was in its block by then."""
    falling = sorted((turn for turn in held if turn.held), key=lambda turn: -turn.fence)
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
        if len(sample.lent) > total:
            found.over_server += 1
            found.against(f"over the total at the server: {len(sample.lent)} of {total}, {sample}")


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


def judge_calls(found: Findings, calls: CallTokens) -> None:
    """A call has one token, all the time."""
    found.calls, found.again = len(calls.calls), calls.begun_again()
    for what in calls.strayed():
        found.strayed += 1
        found.against(what)
