"""A server of a test's own that can be killed and started again over what it left on disk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from lionherd_dist.embedded.child import Child
from lionherd_dist.embedded.find import find_server
from lionherd_dist.embedded.server import _options, _until_ready

KEEPING = ("--appendonly", "yes", "--appendfsync", "everysec")


class OwnServer:
    """Made by ``own_server``; the same socket and directory from start to start.

    Attributes:
        url: ``unix://…``.
    """

    def __init__(self, directory: str, extra: tuple[str, ...]) -> None:
        self._directory, self._extra = Path(directory), extra
        self._socket = f"{directory}/s"
        self.url = f"unix://{quote(self._socket)}"
        self._child: Child | None = None

    async def start(self) -> None:
        """Start it, and wait until it has loaded what it left."""
        program = find_server()
        self._child = await Child.start(
            [program, *_options(self._socket, str(self._directory)), *self._extra]
        )
        await _until_ready(self._child, self._socket, program)

    async def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        if self._child is not None:
            await self._child.stop()

    def log_bytes(self) -> int:
        """How long its log is."""
        return self._log().stat().st_size

    def tear_log(self, lost_bytes: int) -> None:
        """Cut the end off what it wrote, as a power failure does; only while it is dead."""
        with self._log().open("r+b") as file:
            file.truncate(max(0, self.log_bytes() - lost_bytes))

    def _log(self) -> Path:
        (log,) = self._directory.glob("appendonlydir/*.incr.aof")
        return log


@asynccontextmanager
async def own_server(*extra: str) -> AsyncIterator[OwnServer]:
    """A running server with the options *extra*; it and its files are gone afterwards."""
    with TemporaryDirectory(prefix="lh-", dir="/tmp") as directory:
        server = OwnServer(directory, extra)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()
