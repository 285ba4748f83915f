"""What the model is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

FAR_FUTURE_MS = 99_999_999_999_999
NOBODY_YET = 100
MOST_DEAD = 5  # expired sessions that one look sees to
NO_LIMITERS = 0  # of what a look for the dead tells; they have a model of their own

MOST_IN_A_STREAK = 16

PARKED = -1  # in a hand instead of a number


@dataclass(frozen=True, slots=True)
class HandOut:
    """An entry of the stream of calls."""

    job: str
    index: int
    attempt: int
    deadline: int
    deaths: int
    payload: bytes
    rest: tuple[bytes, ...] = ()

    @property
    def header(self) -> str:
        return f"{self.job} {self.index} {self.attempt} {self.deadline} {self.deaths}"

    def at(self, index: int) -> "HandOut":
        """What is left of it when the calls before *index* have ended."""
        payload, *rest = (self.payload, *self.rest)[index - self.index :]
        return replace(self, index=index, payload=payload, rest=tuple(rest))


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk as the model takes it; the fields are those of the store's ``Chunk``."""

    number: int
    limit: int
    cap: int
    left_ms: int
    keep_ms: int
    first: int
    total: int
    consumed: int
    calls: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the hand-out *number*."""

    job: str
    index: int
    number: int
    verb: str
    outcome: bytes = b""
    attempt: int = 0
    delay_ms: int = 0


@dataclass(slots=True)
class JobState:
    """A job that has not ended."""

    owner: str
    limit: int
    cap: int
    deadline: int
    keep_ms: int = 0
    next: int = 0
    released: int = 0
    consumed: int = 0
    done: int = 0
    total: int = -1
    cancelled: int = 0
    streak: int = 0
    backlog: list[bytes] = field(default_factory=list)
    hand: dict[int, int] = field(default_factory=dict)
    solo: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    reader: str | None = None
    read: int = 0
    recorded: int = 0
    unread: dict[int, tuple[int, bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class Namespace:
    """What a namespace holds."""

    sessions: dict[str, int] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    owned: dict[str, set[str]] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, JobState] = field(default_factory=dict)
    stream: dict[int, HandOut] = field(default_factory=dict)
    pending: dict[int, str] = field(default_factory=dict)
    consumers: set[str] = field(default_factory=set)
    has_group: bool = False
    made: int = 0
    delivered: int = 0
    parked: dict[tuple[str, int], tuple[int, HandOut]] = field(default_factory=dict)
    inboxes: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)
    control: list[str] = field(default_factory=list)
    dead: list[tuple[object, ...]] = field(default_factory=list)
