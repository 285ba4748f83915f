"""What a fail-over costs: its master is killed under load, and every job accounted for.

Run as a program it prints the figures of several fail-overs: ``python tests/failover.py --help``.
"""

import argparse
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parent))

import tasks
from helpers import wait_until
from road import working
from servers import Watched, watched

from lionherd_dist import Cluster, JobLostError, Settings

SETTINGS = Settings(namespace="failover", session_s=5)
CLIENTS = 4
CALLS_PER_JOB = 100
JOBS_BEFORE = 5  # of all clients together, until the master is killed
JOBS_AFTER = 3  # of each client, under the new master, until the load ends


@dataclass(slots=True)
class Figures:
    """What became of the load.

    Attributes:
        completed: jobs that gave each of their outcomes, once and right.
        lost: jobs that ended in JobLostError.
        surfaced: calls of those that the server had acknowledged, and whose outcomes never came.
        stalls_s: for each client the longest time without an outcome.
        repeated: calls that were started more than once.
    """

    completed: int = 0
    lost: int = 0
    surfaced: int = 0
    repeated: int = 0
    stalls_s: list[float] = field(default_factory=list)


async def fail_over_under_load(
    url: str, kill_master: Callable[[], Awaitable[None]], settings: Settings = SETTINGS
) -> Figures:
    """Run jobs all the while that the master dies and another takes over; each of them must end."""
    figures = Figures()
    stage = tasks.new_stage()
    killed = anyio.Event()

    async def kill() -> None:
        await wait_until(lambda: figures.completed >= JOBS_BEFORE, description="there is load")
        await kill_master()
        killed.set()

    with anyio.fail_after(60):
        async with (
            working(url, settings),
            Cluster(url, settings=settings) as cluster,
            anyio.create_task_group() as group,
        ):
            group.start_soon(kill)
            for number in range(CLIENTS):
                group.start_soon(_client, cluster, number, killed, figures)
    figures.repeated = len(stage.started) - len(set(stage.started))
    return figures


async def _client(cluster: Cluster, number: int, killed: anyio.Event, figures: Figures) -> None:
    """Run one job after the other, until enough were completed under the new master."""
    last, longest = time.monotonic(), 0.0
    jobs = completed_after = 0
    while completed_after < JOBS_AFTER:
        jobs += 1
        calls = [tasks.brief.call((number, jobs, index)) for index in range(CALLS_PER_JOB)]
        began_after = killed.is_set()
        got: set[int] = set()
        job = None
        try:
            async with cluster.completion_stream(calls, limit=10) as stream:
                job = stream._job
                async for index, result in stream:
                    assert result == (number, jobs, index)
                    assert index not in got
                    got.add(index)
                    longest, last = max(longest, time.monotonic() - last), time.monotonic()
        except JobLostError:
            figures.lost += 1
            if job is not None:
                figures.surfaced += job.acknowledged - len(got)
        else:
            assert len(got) == CALLS_PER_JOB
            figures.completed += 1
            completed_after += began_after
    figures.stalls_s.append(longest)


async def with_sentinels(way: str, settings: Settings = SETTINGS) -> Figures:
    """The figures of one fail-over by sentinels, whose master goes in the *way* named."""
    async with watched() as place:
        return await fail_over_under_load(place.url, WAYS[way](place), settings)


def _killed(place: Watched) -> Callable[[], Awaitable[None]]:
    """SIGKILL: what was acknowledged a moment ago has reached the replica, as good as always."""
    return place.master.kill


def _hung(place: Watched) -> Callable[[], Awaitable[None]]:
    """SIGSTOP: connections stay open, and nothing is answered."""

    async def hang() -> None:
        place.master.pause()

    return hang


def _cut_off(place: Watched) -> Callable[[], Awaitable[None]]:
    """SIGKILL after half a second in which the replica heard nothing: acknowledged writes go."""

    async def cut_off() -> None:
        await place.cut_replication()
        await anyio.sleep(0.5)
        await place.master.kill()

    return cut_off


WAYS = {"killed": _killed, "hung": _hung, "cut-off": _cut_off}


async def main() -> None:
    """Print a line for each fail-over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="fail-overs of each way; 3")
    parser.add_argument("--session", type=float, default=SETTINGS.session_s, help="seconds; 5")
    given = parser.parse_args()
    settings = replace(SETTINGS, session_s=given.session)
    for way in WAYS:
        for number in range(given.rounds):
            figures = await with_sentinels(way, settings)
            print(
                f"{way} {number + 1}: {figures.completed} jobs completed, {figures.lost} raised "
                f"JobLostError, in those {figures.surfaced} acknowledged calls without an outcome; "
                f"{figures.repeated} calls ran again; longest stall {max(figures.stalls_s):.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    anyio.run(main)
