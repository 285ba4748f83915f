"""The letters of the house: frozen values that travel between processes and know nobody."""

import math
import random
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from lionherd_dist.arguments import exception_classes, number, whole_number

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_MAX_DOUBLINGS = 63  # 2.0**1024 overflows a float; 63 is past any sane max_delay
_LONGEST_DELAY_S = 1e9  # 30 years: its milliseconds are a whole number on the server, too

_AN_ATTEMPT = "give how often the function may be started, a whole number from 1 up"
_A_DELAY = "give a number of seconds, 0 or more"
_A_SHARE = "give the share of a delay that may be added to it, 0 or more"


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed attempt is made again, and after how long.

    Args:
        attempts: how often the function is started at most, the first time included; at least 1.
        base_delay: seconds before the second attempt; doubled for each further one.
        max_delay: seconds that a delay never exceeds, before jitter.
        retry_on: exception classes worth another attempt, and groups of nothing else; all others
            end the call at once.
        jitter: the share of the delay, from 0 up, that may be added to it at random.
    """

    attempts: int = 3
    base_delay: float = 0.1
    max_delay: float = 2.0
    retry_on: tuple[type[Exception], ...] = (Exception,)
    jitter: float = 0.1

    def __post_init__(self) -> None:
        attempts = whole_number("attempts", self.attempts, least=1, instead=_AN_ATTEMPT)
        object.__setattr__(self, "attempts", attempts)
        for name, most in (("base_delay", _A_DELAY), ("max_delay", _A_DELAY), ("jitter", _A_SHARE)):
            value = number(name, getattr(self, name), least=0, instead=most)
            if value == math.inf and name != "max_delay":
                raise ValueError(f"{name} is {value}: {most}")
            object.__setattr__(self, name, value)
        classes = exception_classes("retry_on", self.retry_on)
        object.__setattr__(self, "retry_on", classes)

    def delay_s(self, attempt: int) -> float:
        """Seconds to wait after the failed attempt number *attempt* (counted from 1)."""
        delay_s = min(self.max_delay, self.base_delay * 2.0 ** min(attempt - 1, _MAX_DOUBLINGS))
        delay_s *= 1 + random.random() * self.jitter  # noqa: S311 (no secret)
        return min(delay_s, _LONGEST_DELAY_S)

    def wants(self, error: Exception, attempt: int) -> bool:
        """True if attempt number *attempt*, which ended with *error*, is to be made again."""
        return attempt < self.attempts and matches(error, self.retry_on)


def matches(error: BaseException, classes: tuple[type[BaseException], ...]) -> bool:
    """True if *error* is of one of *classes*, or a group of which every leaf is."""
    if isinstance(error, classes):
        return True
    if not isinstance(error, BaseExceptionGroup):
        return False
    return all(matches(member, classes) for member in error.exceptions)


@dataclass(frozen=True, slots=True)
class Call(Generic[R_co]):
    """A task with its arguments: lazy, immutable, reusable.

    Awaiting it runs it in this process; a cluster runs it on a worker. *timeout* (seconds per
    attempt) and *retry* are None where the task's own, as registered on the worker, apply.
    """

    task: str
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    runner: Callable[["Call[R_co]"], Coroutine[Any, Any, R_co]] = field(repr=False, compare=False)
    timeout: float | None = None
    retry: Retry | None = None

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self.runner(self).__await__()


class Message(NamedTuple):  # made in half of a frozen dataclass's time, for every call
    """A call as a worker reads it: its task by name, and what overrides that task's options.

    *traceparent* names the span of its job as W3C Trace Context does; "" where nobody traces.
    *carried* are the values of context variables that go with it, by name.
    """

    task: str
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    timeout: float | None = None
    retry: Retry | None = None
    timed: bool = False
    traceparent: str = ""
    carried: Mapping[str, object] = MappingProxyType({})


class Ran(NamedTuple):
    """When the last attempt of a call ran, and where, if its job asked for that.

    Args:
        begun_ms: server time at which the attempt began.
        ran_ms: how long it took.
        worker: which worker made it; "" on that worker itself.
        attempt: which attempt it was, from 1; 0 on the worker itself.
        failed: True if it ended in an exception.
    """

    begun_ms: float
    ran_ms: float
    worker: str = ""
    attempt: int = 0
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Success:
    """The call returned *value*."""

    value: object
    ran: Ran | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """The call ended with *error*, after its last attempt."""

    error: Exception
    ran: Ran | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The call was stopped, or never started, because its job was cancelled."""


Outcome: TypeAlias = Success | Failure | Cancelled
