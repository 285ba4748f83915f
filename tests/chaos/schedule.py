"""What is done to processes, and when: every number from one seed. Pure."""

import random
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """What is done *at_s* seconds after the start; *dice* in [0, 1) chooses to whom, or how far."""

    at_s: float
    deed: str
    dice: float
    for_s: float = 0.0


def schedule(
    seed: int, seconds: float, counts: Mapping[str, int], pause_s: tuple[float, float]
) -> list[Event]:
    """So many events of each deed, in order of time; a ``pause`` lasts between two lengths."""
    dice = random.Random(seed)
    events = [
        Event(
            dice.uniform(0, seconds),
            deed,
            dice.random(),
            dice.uniform(*pause_s) if deed == "pause" else 0.0,
        )
        for deed, count in counts.items()
        for _ in range(count)
    ]
    return sorted(events, key=lambda event: event.at_s)


def shares(counts: Mapping[str, int], share: float) -> dict[str, int]:
    """A *share* of each count, and at least one."""
    return {name: max(1, round(count * share)) for name, count in counts.items()}
