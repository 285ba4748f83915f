"""What an adapter offers, and the place where its processes meet."""

import importlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, cast

PLACE_VARIABLE = "BENCH_PLACE"
HIREDIS = "hiredis==3.5.0"
REDIS = ("redis==8.1.0", HIREDIS)  # for every contender that can use it
UVLOOP = "uvloop==0.23.0"
CONCURRENCY = 100  # calls at once in one worker process, for contenders that run them on a loop
WORKER_FILES = "worker-*.ready"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the processes of one contender meet.

    Args:
        url: of the server, ``unix:///…``.
        directory: a private one, of this visit alone.
        workers: how many worker processes there are.
        number: which of them this one is, from 0.
    """

    url: str
    directory: str
    workers: int
    number: int = 0

    @property
    def socket(self) -> str:
        """The path of the server's unix socket."""
        return self.url.removeprefix("unix://")

    def numbered(self, number: int) -> "Place":
        return replace(self, number=number)

    def as_environment(self) -> dict[str, str]:
        return {PLACE_VARIABLE: json.dumps(asdict(self))}

    @staticmethod
    def here() -> "Place":
        """The place that this process was started for."""
        return Place(**json.loads(os.environ[PLACE_VARIABLE]))

    def ready(self) -> None:
        """Say that this worker takes calls."""
        (Path(self.directory) / f"worker-{self.number}.ready").write_text(str(os.getpid()))

    def ready_workers(self) -> list[int]:
        """The process ids of the workers that take calls."""
        found = (path.read_text() for path in Path(self.directory).glob(WORKER_FILES))
        return [int(pid) for pid in found if pid]


class Client(Protocol):
    """What is measured. The task doubles its number: a result shows which call it belongs to."""

    async def run(self, number: int) -> int:
        """One call and its result."""
        ...

    def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        """``(number, result)`` as they can be had; a call is submitted as early as possible."""
        ...


class ChainClient(Client, Protocol):
    """A client that can also run calls strictly one after the other, and a bare script."""

    def chain(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        """As ``stream``, with one call in hand at any time."""
        ...

    async def script(self, number: int) -> int:
        """The reply of a script that does next to nothing: one EVALSHA and its round trip."""
        ...


class Adapter(Protocol):
    """A module in ``adapters/``."""

    REQUIREMENTS: tuple[str, ...]  # pinned, for pip
    SETTING: str  # what was chosen, as the table says it
    LOOP: str  # "uvloop" or "asyncio"

    def work(self, place: Place) -> Awaitable[None] | None:
        """Be a worker until killed, after ``place.ready()``."""
        ...

    def open_client(self, place: Place) -> AbstractAsyncContextManager[Client]: ...


NAMES = (
    "ours",
    "raw",
    "arq",
    "saq",
    "dramatiq",
    "dask",
    "taskiq",
    "streaq",
    "docket",
    "celery",
    "rq",
)
# Each is the fastest peer of one row: one worker, one call at a time, two workers.
FASTEST = ("arq", "saq", "dramatiq")


def load(name: str) -> Adapter:
    return cast("Adapter", importlib.import_module(f"adapters.{name}"))
