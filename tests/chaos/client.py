"""One client process of the chaos run: ``python -m chaos.client``, told what to do by its role.

What it notes, one line each: ``J label calls limit how poisoned`` a job begins · ``I label id`` it
is submitted · ``A label`` a reader begins · ``O label index kind value`` it was given an outcome ·
``X label why`` the library said that the job is lost · ``R label`` its session changed meanwhile ·
``D label`` all was read.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import anyio

from chaos import bodies
from chaos.breaking import break_guarantee
from chaos.calls import kind_of
from chaos.notes import Notes, read_notes
from chaos.plan import (
    ALL_DONE,
    CALLS_OF_A_JOB,
    LIMITS,
    STEP_DONE,
    Role,
    jobs_needed,
    poisoned,
)
from lionherd_dist import Call, Cluster, JobLostError, JobNotFoundError, JobTakenError, Settings

TAKEN_S = 30.0  # a dead reader's place is free after a session
RESULT_TTL_S = 600.0


class Client:
    """What all of them do: read their own notes, make calls, note what they are given."""

    def __init__(self, role: Role) -> None:
        self.role, self.limit = role, LIMITS[role.name]
        self._path = Path(role.directory) / f"client-{role.name}.log"
        self.past = list(read_notes(self._path))
        self.notes = Notes(self._path)
        self._begun = sum(line[0] == "J" for line in self.past)
        self._accepted = sum(line[0] == "I" for line in self.past)

    @property
    def may_end(self) -> bool:
        """True if the driver has said so, and every poison call was sent."""
        stop = (Path(self.role.directory) / "stop").exists()
        return stop and self._accepted >= jobs_needed(self.role.name, self.role.poison)

    def calls(self, label: str, indexes: Iterable[int], *, poison: bool) -> Iterable[Call[str]]:
        for index in indexes:
            one = getattr(bodies, kind_of(label, index, poisoned=poison))
            yield one.call(label, index, self.limit)

    def note_outcome(self, label: str, index: int, outcome: object) -> None:
        if isinstance(outcome, Exception):
            known = isinstance(outcome, ValueError)
            value = str(outcome) if known else ""
            self.notes.write("O", label, index, type(outcome).__name__, value)
        else:
            self.notes.write("O", label, index, "ok", outcome)

    # --- jobs that end with their client

    async def stream(self, cluster: Cluster) -> None:
        """Jobs read by completion_stream; what a lost one did not give is sent as another."""
        while not self.may_end:
            label, poison = self._next()
            missing, sending = list(range(CALLS_OF_A_JOB[self.role.name])), 0
            while missing:
                name = f"{label}+{sending}" if sending else label
                self.notes.write("J", name, len(missing), self.limit, "stream", poison)
                left = list(missing)
                try:
                    calls = self.calls(name, left, poison=poison)
                    async with cluster.completion_stream(
                        calls, limit=self.limit, return_exceptions=True
                    ) as stream:
                        async for place, outcome in stream:
                            self.note_outcome(name, left[place], outcome)
                            if left[place] in missing:
                                missing.remove(left[place])
                    self.notes.write("D", name)
                    self._accepted += 1
                    break
                except* JobLostError as lost:
                    self.notes.write("X", name, str(lost.exceptions[0]))
                    sending += 1

    async def map(self, cluster: Cluster) -> None:
        """Jobs of bounded_map, which the library sends again by itself where they are lost."""
        while not self.may_end:
            label, poison = self._next()
            count = CALLS_OF_A_JOB["map"]
            self.notes.write("J", label, count, self.limit, "map", poison)
            session = cluster._link.session_id
            items = [(label, index, self.limit, poison) for index in range(count)]
            results = await cluster.bounded_map(
                bodies.mapped, items, limit=self.limit, return_exceptions=True
            )
            if cluster._link.session_id != session:
                self.notes.write("R", label)
            for index, outcome in enumerate(results):
                self.note_outcome(label, index, outcome)
            self.notes.write("D", label)
            self._accepted += 1

    # --- jobs that outlive their client

    async def submit_or_attach(self, cluster: Cluster) -> int:
        """One step: read the job that was submitted last, if there is one, else submit another."""
        jobs = {str(line[1]): str(line[2]) for line in self.past if line[0] == "I"}
        ended = {str(line[1]) for line in self.past if line[0] in "DX"}
        for label, job_id in jobs.items():
            if label not in ended:
                await self._attach(cluster, label, job_id)
                return STEP_DONE
        if self.may_end:
            return ALL_DONE
        label, poison = self._next()
        count = CALLS_OF_A_JOB[self.role.name]
        self.notes.write("J", label, count, self.limit, "submit", poison)
        try:
            job_id = await cluster.submit(
                self.calls(label, range(count), poison=poison),
                limit=self.limit,
                result_ttl=RESULT_TTL_S,
            )
        except JobLostError:  # it was never accepted as a whole: the next one is tried
            return STEP_DONE
        self.notes.write("I", label, job_id)
        return STEP_DONE

    async def _attach(self, cluster: Cluster, label: str, job_id: str) -> None:
        seen = {line[2] for line in self.past if line[0] == "O" and line[1] == label}
        dies_at = self._dies_at(label)
        give_up_at = time.monotonic() + TAKEN_S
        while True:
            try:
                async with cluster.attach(job_id) as stream:
                    self.notes.write("A", label)
                    async for index, outcome in stream:
                        give_up_at = time.monotonic() + TAKEN_S
                        self.note_outcome(label, index, outcome)
                        seen.add(index)
                        if len(seen) == dies_at:
                            os.kill(os.getpid(), signal.SIGKILL)
                self.notes.write("D", label)
                return
            except JobTakenError:
                if time.monotonic() > give_up_at:
                    raise
                await anyio.sleep(0.05)
            except JobNotFoundError:  # killed between the last outcome and its own note of the end
                whole = len(seen) == CALLS_OF_A_JOB[self.role.name]
                self.notes.write(*(("D", label) if whole else ("X", label, "not found")))
                return
            except JobLostError as lost:
                self.notes.write("X", label, str(lost))
                return

    def _dies_at(self, label: str) -> int:
        """The count of outcomes at which this reader of the job ends itself; 0 = it does not."""
        first = not any(line[0] == "A" and line[1] == label for line in self.past)
        early = int(label.rpartition(".")[2]) < self.role.deaths
        return CALLS_OF_A_JOB[self.role.name] // 2 if first and early else 0

    def _next(self) -> tuple[str, bool]:
        label = f"{self.role.name}.{self._begun}"
        poison = poisoned(self.role.name, self._accepted, self.role.poison)
        self._begun += 1
        return label, poison


async def play(role: Role) -> int:
    """The exit status of a client that plays *role*."""
    client = Client(role)
    settings = Settings(namespace="chaos", session_s=role.session_s)
    async with Cluster(role.url, settings=settings, resubmit=role.name == "map") as cluster:
        match role.name:
            case "stream" | "row":
                await client.stream(cluster)
            case "map":
                await client.map(cluster)
            case _:
                return await client.submit_or_attach(cluster)
    return ALL_DONE


if __name__ == "__main__":
    if os.environ.get("CHAOS_BREAK"):
        break_guarantee(os.environ["CHAOS_BREAK"])
    sys.exit(anyio.run(play, Role.from_text(os.environ["CHAOS_ROLE"])))
