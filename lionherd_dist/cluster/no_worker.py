"""Tells a program that waits for outcomes that no worker is there to bring them."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import anyio

from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import DecodeError, LionherdError
from lionherd_dist.logs import note
from lionherd_dist.refused import BUILT_IN
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.places import wait_after_deaths
from lionherd_dist.store.sessions import tasks_of_workers
from lionherd_dist.wire.messages import decode_call

EVENT = "no worker"
PATIENCE_S = 10.0  # without an outcome; then the server is asked for its workers
LOOK_S = 1.0  # at what is known here: nothing is asked for that
MOST_CALLS = 20  # whose tasks are looked for

DIED = (
    "no worker is alive at the moment, and calls that wait had workers that died; what those said "
    "at their end tells why, and they may be starting again"
)


def missing(tasks: Iterable[str], workers: Sequence[frozenset[str]]) -> str:
    """Why calls of *tasks* wait, where *workers* know these tasks; "" if some worker can do one."""
    if not workers:
        return "no worker runs in this namespace; start one with `lionherd-dist worker MODULE`"
    unknown = set(tasks) - BUILT_IN.keys()
    if not unknown or any(known & unknown for known in workers):
        return ""
    names = ", ".join(sorted(unknown))
    return (
        f"{len(workers)} of this namespace's workers are alive, and none knows {names}; start one "
        "with the module that defines it"
    )


async def warn_of_no_worker(connection: Connection, keys: Keys, jobs: Mapping[str, Job]) -> None:
    """Log one warning if some of *jobs* get no outcome for ten seconds, and no worker is there.

    The server is asked once in ten seconds without an outcome, and else for nothing.
    """
    since: dict[str, tuple[int, float]] = {}
    while True:
        await anyio.sleep(LOOK_S)
        now, before = time.monotonic(), since
        since = {
            job.id: before[job.id]
            if job.id in before and before[job.id][0] == job.received
            else (job.received, now)
            for job in jobs.values()
            if job.waiting
        }
        late = [id_ for id_, (_, begun) in since.items() if now - begun >= PATIENCE_S]
        if not late:
            continue
        tasks = {name for id_ in late for name in _tasks(jobs[id_])}
        if await _warned(connection, keys, tasks):
            return
        for id_ in late:  # workers are there: look again later
            since[id_] = since[id_][0], now


class ReaderWaits:
    """How long the reader of a submitted job has waited; it is warned once, in the same way."""

    def __init__(self) -> None:
        self._is_warned = False
        self.begin()

    def begin(self) -> None:
        """An outcome is there; a new wait begins."""
        self._begun = time.monotonic()

    async def look(self, connection: Connection, keys: Keys, job: str) -> None:
        """Nothing came just now: warn if that has been so for long, and no worker is there."""
        if self._is_warned or time.monotonic() - self._begun < PATIENCE_S:
            return
        self.begin()
        try:
            tasks = await connection.call("HGET", keys.job(job), "tasks")
        except LionherdError:
            return
        names = (cast("bytes | None", tasks) or b"").decode(errors="replace")
        self._is_warned = await _warned(connection, keys, set(names.split()))


async def _warned(connection: Connection, keys: Keys, tasks: set[str]) -> bool:
    try:
        workers = await tasks_of_workers(connection, keys)
        reason = missing(tasks, workers)
        if not workers and await wait_after_deaths(connection, keys):
            reason = DIED
    except LionherdError:  # the server is away: others tell of that
        return False
    if reason:
        waited_s = int(PATIENCE_S)
        note(
            logging.WARNING, "no worker", namespace=keys.namespace, waited_s=waited_s, reason=reason
        )
    return bool(reason)


def _tasks(job: Job) -> set[str]:
    names = set()
    for call in job.first_waiting(MOST_CALLS):
        try:
            names.add(decode_call(call).task)
        except DecodeError:  # it was sent all the same, and will be an outcome
            continue
    return names
