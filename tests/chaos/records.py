"""What the driver knows and the referee is told: who died when, and what the server said. Pure."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Death:
    """One life of a worker process ended.

    Args:
        sent_at: when the SIGKILL was sent; when its end was seen, if it was none of ours.
        seen_at: when its end was seen.
        ours: True for a kill of the schedule.
    """

    sent_at: float
    seen_at: float
    ours: bool


@dataclass(slots=True)
class Records:
    """Filled while the chaos lasts.

    Attributes:
        deaths: by life of a worker.
        stops: life of a worker, when it was paused, when it was let go on.
        complaints: what should not have happened to a process, in words.
        hands: the most calls that the server held to be in hand, and the limit, by job.
        dead_letters: (label, index) of each.
        keys_left: names.
    """

    deaths: dict[str, Death] = field(default_factory=dict)
    stops: list[tuple[str, float, float]] = field(default_factory=list)
    kills: int = 0
    pauses: int = 0
    client_kills: int = 0
    restarts: int = 0
    spoils: int = 0
    orphans: int = 0
    complaints: list[str] = field(default_factory=list)
    hands: dict[str, tuple[int, int]] = field(default_factory=dict)
    dead_letters: list[tuple[str, int]] = field(default_factory=list)
    keys_left: list[str] = field(default_factory=list)
    downs: list[float] = field(default_factory=list)
    hung: bool = False

    def gone_at(self, who: str) -> float:
        """When the end of *who* was seen; never, if it was not."""
        death = self.deaths.get(who)
        return math.inf if death is None else death.seen_at

    def killed_at(self, who: str) -> float:
        """When *who* stopped working at the latest by what we know, a moment early."""
        death = self.deaths.get(who)
        return math.inf if death is None else death.sent_at

    def write(self, path: Path) -> None:
        """Keep them, for whoever looks into a violation."""
        path.write_text(json.dumps(asdict(self), indent=1))
