"""How much chaos for the limiter, and when. Pure."""

from dataclasses import dataclass, replace
from pathlib import Path

from chaos.schedule import Event, schedule, shares

FULL_S = 100.0
API, DISK = "api", "disk"  # the total of the first changes; the second is only taken beside it
MOST_TOKENS = 20
DISK_TOKENS = 3
CALLS_OF_A_JOB = 4
CYCLE_S, LULL_S, JOBS_BEFORE_S = 5.0, 1.5, 3.0


def is_lull(at: float) -> bool:
    """In the first part of each cycle nobody waits, so that there are tokens to be had at once."""
    return at % CYCLE_S < LULL_S


def jobs_may_begin(at: float) -> bool:
    """In the second; those that began then have mostly ended when the next lull comes."""
    return LULL_S <= at % CYCLE_S < JOBS_BEFORE_S


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    Args:
        seed: of everything that is chosen by chance here; the scheduling of processes is not.
        seconds: during which processes are killed; the start and the end come on top.
        kills: SIGKILLs of holders and workers; each killed process is followed by another.
        pauses: SIGSTOPs, each for 0.3 to 3 sessions.
        resizes: of the limiter's total, to 1 … 20.
        processes: of code that takes tokens, each of *coroutines*.
        workers: processes that run calls, each of which needs a token.
        jobs: of such calls, that wait for tokens at a time.
        starved_s: a waiter that waits longer is starved.
        patience_s: seconds after the last event in which each coroutine has to be given a token.
        broken: the name of a guarantee that is broken on purpose, see ``breaking.py``.
    """

    seed: int
    seconds: float
    kills: int
    pauses: int
    resizes: int
    broken: str = ""
    processes: int = 6
    coroutines: int = 16
    workers: int = 2
    slots: int = 6
    jobs: int = 12
    first_total: int = 10
    session_s: float = 1.0
    starved_s: float = 15.0
    patience_s: float = 30.0


FULL = Plan(seed=1, seconds=FULL_S, kills=80, pauses=44, resizes=90)


def scaled(seconds: float, seed: int) -> Plan:
    """The full run's plan, cut down to *seconds*."""
    counts = {"kills": FULL.kills, "pauses": FULL.pauses, "resizes": FULL.resizes}
    return replace(FULL, seconds=seconds, seed=seed, **shares(counts, seconds / FULL_S))


def events(plan: Plan) -> list[Event]:
    """What is done, in order of time."""
    counts = {"kill": plan.kills, "pause": plan.pauses, "resize": plan.resizes}
    pause_s = (0.3 * plan.session_s, 3.0 * plan.session_s)
    return schedule(plan.seed, plan.seconds, counts, pause_s)


def bound_file(directory: Path, limiter: str) -> Path:
    """The file that says how many slots a limiter has; the driver writes it."""
    return directory / f"bound-{limiter}"


def slots_of(limiter: str) -> str:
    """The name of the directory of the slots, among all slots."""
    return f"limiter-{limiter}"
