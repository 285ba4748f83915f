"""The files of a run, read into values: bodies that ran, jobs and what their clients were given."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from chaos.calls import root_of
from chaos.notes import read_notes
from chaos.plan import CLIENTS
from chaos.records import Records


@dataclass(slots=True)
class Body:
    """One execution of a call, by one life of one worker.

    Args:
        slot: the number of the flock'ed slot that it held; taken between *since* and *started_at*.
        ended_at: infinite while its end was never written: then its process was killed.
        how: ``done``, the name of an exception, ``cut`` by a cancellation, or empty.
    """

    label: str
    index: int
    who: str
    slot: int
    since: float
    started_at: float
    ended_at: float = math.inf
    how: str = ""


@dataclass(frozen=True, slots=True)
class Stall:
    """The process of *who* stood still."""

    who: str
    since: float
    until: float


@dataclass(slots=True)
class Job:
    """What its client noted of one job; jobs that continue a lost one are one with it.

    Args:
        readers: the outcomes as (index, kind, value), for each reader that began, in order.
        accepted: False for a submission that was never confirmed: nothing is promised for it.
    """

    root: str
    calls: int
    limit: int
    how: str
    poisoned: bool
    accepted: bool
    ended: bool = False
    losses: list[str] = field(default_factory=list)
    moved: bool = False
    readers: list[list[tuple[int, str, str]]] = field(default_factory=list)


def read_bodies(directory: Path) -> list[Body]:
    """Every execution, in the order of its start."""
    bodies: dict[tuple[str, int], Body] = {}
    for line in read_notes(directory / "bodies.log"):
        match line:
            case [
                "S",
                str(label),
                int(index),
                str(who),
                int(n),
                int(slot),
                float(since),
                float(at),
            ]:
                bodies[who, n] = Body(label, index, who, slot, since, at)
            case ["E", str(who), int(number), str(how), float(at)]:
                bodies[who, number].ended_at, bodies[who, number].how = at, how
    return sorted(bodies.values(), key=lambda body: body.started_at)


def read_stalls(directory: Path, records: Records) -> list[Stall]:
    """When workers stood still: as they found themselves, and as the driver paused them."""
    stalls = [Stall(*stop) for stop in records.stops]
    for line in read_notes(directory / "bodies.log"):
        match line:
            case ["P", str(who), float(since), float(until)]:
                stalls.append(Stall(who, since, until))
    return stalls


def read_jobs(directory: Path) -> dict[str, Job]:
    """Every job, by the label under which it was sent first."""
    jobs: dict[str, Job] = {}
    for name in CLIENTS:
        for line in read_notes(directory / f"client-{name}.log"):
            root = root_of(str(line[1]))
            match line:
                case ["J", _, int(calls), int(limit), str(how), bool(poisoned)]:
                    job = Job(root, calls, limit, how, poisoned, accepted=how != "submit")
                    jobs.setdefault(root, job)
                    if how != "submit":
                        jobs[root].readers.append([])
                case ["I", _, _]:
                    jobs[root].accepted = True
                case ["A", _]:
                    jobs[root].readers.append([])
                case ["O", _, int(index), str(kind), str(value)]:
                    jobs[root].readers[-1].append((index, kind, value))
                case ["X", _, str(why)]:
                    jobs[root].losses.append(why)
                case ["R", _]:
                    jobs[root].moved = True
                case ["D", _]:
                    jobs[root].ended = True
    return jobs
