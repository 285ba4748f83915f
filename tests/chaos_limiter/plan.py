"""How much chaos for the limiter, and when: every number from one seed. Pure."""

import random
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Deed: TypeAlias = Literal["kill", "pause", "resize"]

FULL_S = 100.0
MOST_TOKENS = 20
BOUND = "bound"  # the file that says how many slots there are; the driver writes it


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    Args:
        seed: of everything that is chosen by chance here; the scheduling of processes is not.
        seconds: during which processes are killed; the start and the end come on top.
        kills: SIGKILLs; each killed process is followed by another.
        pauses: SIGSTOPs, each for 0.3 to 3 sessions.
        resizes: of the limiter's total, to 1 … 20.
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
    first_total: int = 10
    session_s: float = 1.0
    starved_s: float = 15.0
    patience_s: float = 30.0


FULL = Plan(seed=1, seconds=FULL_S, kills=66, pauses=36, resizes=90)


def scaled(seconds: float, seed: int) -> Plan:
    """The full run's plan, cut down to *seconds*."""
    counts = ("kills", "pauses", "resizes")
    numbers = {name: max(1, round(getattr(FULL, name) * seconds / FULL_S)) for name in counts}
    return replace(FULL, seconds=seconds, seed=seed, **numbers)


@dataclass(frozen=True, slots=True)
class Event:
    """What is done *at_s* seconds after the start; *dice* in [0, 1) chooses to whom, or how far."""

    at_s: float
    deed: Deed
    dice: float
    for_s: float = 0.0


def schedule(plan: Plan) -> list[Event]:
    """What is done, in order of time."""
    dice = random.Random(plan.seed)
    numbers: dict[Deed, int] = {"kill": plan.kills, "pause": plan.pauses, "resize": plan.resizes}
    events = [
        Event(
            dice.uniform(0, plan.seconds),
            deed,
            dice.random(),
            plan.session_s * dice.uniform(0.3, 3.0) if deed == "pause" else 0.0,
        )
        for deed, count in numbers.items()
        for _ in range(count)
    ]
    return sorted(events, key=lambda event: event.at_s)
