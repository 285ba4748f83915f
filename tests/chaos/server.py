"""The server of a chaos run: it keeps an append-only file, and is killed and shut down.

``appendfsync everysec`` writes each change to the file before it answers, so that killing the
process loses nothing; except while a sync to the disk is under way, when it may write up to two
seconds later. So the files stand in memory, where a sync takes no time, if there is such a place.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from own_server import KEEPING, OwnServer

MEMORY = "/dev/shm"
LEAVE_S = 10.0
OPTIONS = (*KEEPING, "--auto-aof-rewrite-min-size", "2mb")  # rewritten while it is killed, too


class ChaosServer(OwnServer):
    """Restarted on the same socket and directory, by SIGKILL and by SHUTDOWN in turn.

    Attributes:
        downs: for how many seconds it was away, each time.
    """

    def __init__(self, directory: str) -> None:
        super().__init__(directory, OPTIONS)
        self.downs: list[float] = []

    async def restart(self) -> None:
        """End it, one way or the other, and start it again at once."""
        began_at = time.monotonic()
        if len(self.downs) % 2:
            await self._shut_down()
        await self.kill()
        await self.start()
        self.downs.append(time.monotonic() - began_at)

    async def _shut_down(self) -> None:
        with anyio.move_on_after(LEAVE_S):
            async with await anyio.connect_unix(self._socket) as line:
                await line.send(b"SHUTDOWN\r\n")
                try:
                    while await line.receive():
                        pass
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return


@asynccontextmanager
async def chaos_server() -> AsyncIterator[tuple[ChaosServer, Path]]:
    """A running server, and the directory of the run; both are gone afterwards."""
    where = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(prefix="lh-chaos-", dir=where) as directory:
        server = ChaosServer(directory)
        await server.start()
        try:
            yield server, Path(directory)
        finally:
            await server.kill()
