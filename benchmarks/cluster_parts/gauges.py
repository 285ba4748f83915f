"""What processes and the server use: CPU seconds, resident bytes, bytes of data, keys."""

import asyncio
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

UNKNOWN = math.nan  # where there is no /proc
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU seconds that the three processes have used so far."""

    client_s: float
    worker_s: float
    server_s: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the server holds."""

    used_bytes: int
    keys: int


def process_cpu_s(pid: int) -> float:
    """User and system seconds of process *pid*, to 10 ms."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return UNKNOWN
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> float:
    """The memory of process *pid* that is in RAM."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return UNKNOWN
    return pages * os.sysconf("SC_PAGE_SIZE")


async def cpu_use(redis: Redis, worker_pid: int) -> CpuUse:
    """Seconds used so far; the client is the process that asks."""
    server = await redis.info("cpu")
    return CpuUse(
        client_s=time.process_time(),
        worker_s=process_cpu_s(worker_pid),
        server_s=server["used_cpu_user"] + server["used_cpu_sys"],
    )


async def used_bytes(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])


async def settled_footprint(redis: Redis) -> Footprint:
    """What the server holds once closed connections and the like are freed, which takes a while."""
    lowest, seen_at = await used_bytes(redis), time.monotonic()
    while time.monotonic() < seen_at + 0.5:
        await asyncio.sleep(0.05)
        now = await used_bytes(redis)
        if now < lowest:
            lowest, seen_at = now, time.monotonic()
    return Footprint(lowest, await redis.dbsize())
