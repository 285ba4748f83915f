"""On what, and with what, it was measured."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from harness.contender import load
from harness.environment import versions
from lionherd_dist.embedded.find import find_server


def machine() -> str:
    """One line: processor, cores, memory, system, Python."""
    cores = f"{os.cpu_count()} cores"
    system = f"{platform.system()} {platform.release()}"
    parts = (_processor(), cores, _memory(), system, f"Python {platform.python_version()}")
    return ", ".join(filter(None, parts))


def server() -> str:
    """The first words of what the server says of itself."""
    says = subprocess.run(
        [find_server(), "--version"], check=True, capture_output=True, text=True
    ).stdout
    return " ".join(word for word in says.split()[:3] if "sha=" not in word)


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return ""
    return f"{total / 2**30:.0f} GiB"


def setting(name: str) -> str:
    """How *name* was run, with the versions of what it was run with."""
    found = ", ".join(f"{package} {version}" for package, version in versions(name).items())
    return f"**{name}**: {load(name).SETTING}. {found}"
