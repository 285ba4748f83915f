"""What processes and the server use. Needs nothing but Python: it runs in every environment."""

import math
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = math.nan  # where there is no /proc
_PROC = Path("/proc")


def info(path: str, section: str) -> dict[str, str]:
    """One section of what the server at the unix socket *path* tells about itself."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        link.sendall(f"INFO {section}\r\n".encode())
        with link.makefile("rb") as reply:
            size = int(reply.readline()[1:])
            lines = reply.read(size).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def commands(path: str) -> int:
    """Commands carried out so far, those inside scripts included, INFO itself not."""
    stats = info(path, "commandstats")
    return sum(
        int(line.partition("calls=")[2].partition(",")[0])
        for name, line in stats.items()
        if name != "cmdstat_info"
    )


@dataclass(frozen=True, slots=True)
class Traffic:
    """Commands per second: those that were sent, and those that scripts made of them."""

    sent: float
    in_scripts: float


def traffic(path: str, seconds: float) -> Traffic:
    """What MONITOR shows for *seconds*: exact, and too slow for anything but an idle server."""
    heard = bytearray()
    ends = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        link.sendall(b"MONITOR\r\n")
        while (left := ends - time.monotonic()) > 0:
            link.settimeout(left)
            with suppress(TimeoutError):
                heard += link.recv(65_536)
    lines = heard.split(b"\r\n")[1:]
    in_scripts = sum(b" lua]" in line.partition(b'"')[0] for line in lines)
    sent = sum(line.startswith(b"+") for line in lines) - in_scripts
    return Traffic(sent / seconds, in_scripts / seconds)


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the server holds."""

    used_bytes: int
    keys: int


def footprint(path: str) -> Footprint:
    spaces = info(path, "keyspace").values()
    keys = sum(int(line.partition("keys=")[2].partition(",")[0]) for line in spaces)
    return Footprint(int(info(path, "memory")["used_memory"]), keys)


def settled_footprint(path: str, *, most_s: float = 3.0) -> Footprint:
    """The footprint once it shrinks no more: what was closed is freed after a while."""
    ends = time.monotonic() + most_s
    lowest, seen_at = footprint(path), time.monotonic()
    while time.monotonic() < min(ends, seen_at + 0.4):
        time.sleep(0.02)
        now = footprint(path)
        if now.used_bytes < lowest.used_bytes:
            lowest, seen_at = now, time.monotonic()
    return lowest


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


def cpu_s(path: str, workers: list[int]) -> dict[str, float]:
    """Seconds used so far by this process, all *workers* together, and the server."""
    server = info(path, "cpu")
    return {
        "client": time.process_time(),
        "worker": sum(map(process_cpu_s, workers)),
        "server": float(server["used_cpu_user"]) + float(server["used_cpu_sys"]),
    }
