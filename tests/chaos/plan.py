"""How much chaos, and when: every number from one seed. Pure."""

import json
from dataclasses import asdict, dataclass, replace

from chaos.schedule import Event, schedule, shares

FULL_S = 180.0
COUNTS = ("calls", "kills", "pauses", "client_kills", "restarts", "poison", "spoils")
STEP_DONE, ALL_DONE = 0, 10  # what a client process ends with: start me again, or not
CLIENTS = ("stream", "row", "map", "first", "second")  # the last two submit, and attach
LIMITS = {"stream": 10, "row": 1, "map": 7, "first": 10, "second": 5}
CALLS_OF_A_JOB = {"stream": 500, "row": 300, "map": 300, "first": 600, "second": 400}


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    Args:
        seed: of everything that is chosen by chance here; the scheduling of processes is not.
        seconds: during which processes are killed; the start and the end come on top.
        calls: at least so many outcomes are asked for.
        kills: SIGKILLs of workers.
        pauses: SIGSTOPs of workers, each for 0.2 to 3 sessions.
        client_kills: SIGKILLs of clients that submit and attach.
        restarts: of the server: SIGKILL and SHUTDOWN in turn.
        spoils: deeds of somebody who writes to the server as no part of the library would; those by
            which jobs are lost begin when the poison calls are over.
        poison: calls that end their worker each time they run.
        patience_s: seconds after the last event for all jobs to come to their end.
        deaths: of each client that attaches, so many first jobs see their first reader die in the
            middle of them, by its own hand: a kill by the clock seldom falls into so short a time.
        broken: the name of a guarantee that is broken on purpose, see ``breaking.py``.
    """

    seed: int
    seconds: float
    calls: int
    kills: int
    pauses: int
    client_kills: int
    restarts: int
    poison: int
    deaths: int = 1
    spoils: int = 0
    broken: str = ""
    workers: int = 8
    slots: int = 6
    session_s: float = 1.0
    patience_s: float = 60.0


FULL = Plan(
    seed=1,
    seconds=FULL_S,
    calls=20_000,
    kills=200,
    pauses=60,
    client_kills=10,
    restarts=10,
    poison=5,
    spoils=60,
)


def scaled(seconds: float, seed: int) -> Plan:
    """The full run's plan, cut down to *seconds*."""
    counts = {name: getattr(FULL, name) for name in COUNTS}
    return replace(FULL, seconds=seconds, seed=seed, **shares(counts, seconds / FULL_S))


def events(plan: Plan) -> list[Event]:
    """What is done to whom, in order of time."""
    counts = {
        "kill": plan.kills,
        "pause": plan.pauses,
        "client": plan.client_kills,
        "server": plan.restarts,
        "spoil": plan.spoils,
    }
    pause_s = (0.2 * plan.session_s, 3.0 * plan.session_s)
    return schedule(plan.seed, plan.seconds, counts, pause_s)


@dataclass(frozen=True, slots=True)
class Role:
    """What one client process is told, in its environment."""

    name: str
    url: str
    directory: str
    poison: int
    session_s: float
    deaths: int

    def as_text(self) -> str:
        """The role as it stands in the environment."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> "Role":
        """The role that ``as_text`` wrote."""
        return Role(**json.loads(text))


def poisoned(name: str, job: int, poison: int) -> bool:
    """True if job number *job*, from 0, of client *name* holds one of the *poison* calls."""
    return job * len(CLIENTS) + CLIENTS.index(name) < poison


def jobs_needed(name: str, poison: int) -> int:
    """How many jobs client *name* has to do so that all poison calls are in one."""
    job = 0
    while poisoned(name, job, poison):
        job += 1
    return job
