"""A process that ends when ours does, and that we know everything about while it runs."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import cast

import anyio

from lionherd_dist.background import finish
from lionherd_dist.embedded.lifeline import Lifeline, tied

_TAIL = 64 * 1024  # bytes of output that are kept
_KILLED_S = 5.0  # a killed process may still hang in the kernel, on a dead disk; we do not


class Child:
    """A running program, on asyncio: ``start`` makes it, and whoever did must ``stop`` it.

    It leads a session and a process group of its own: a Ctrl-C in the terminal reaches us and not
    it, and what it has started itself ends with it, unless that leads a session of its own, too.

    Attributes:
        pid: of the program itself: signals reach it directly.
    """

    pid: int

    def __init__(self, transport: asyncio.SubprocessTransport, watch: "_Watch") -> None:
        self._transport, self._watch = transport, watch
        self.pid, self._starter = transport.get_pid(), os.getpid()

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        orphan_grace_s: float = 0.0,
        orphan_remove: str | None = None,
        on_output: Callable[[bytes], None] | None = None,
    ) -> "Child":
        """Start *argv*; a program that cannot be run ends with status 126 or 127 and says why.

        A cancel scope does not interrupt it: what was started can always be stopped.

        Args:
            argv: the program, found on the PATH if it has no slash, and its arguments.
            env: its whole environment; ours unless given. The shell in between may add PWD, SHLVL.
            orphan_grace_s: seconds from its SIGTERM to its SIGKILL once this process is gone.
            orphan_remove: a directory to remove once this process is gone.
            on_output: called with each piece of its output, standard output and error together.
        """
        environment = dict(os.environ if env is None else env)
        command = tied(argv, env=environment, grace_s=orphan_grace_s, remove=orphan_remove)
        lifeline = Lifeline()
        try:
            # Shielded: asyncio reaps a process whose start is cancelled, but not while the
            # cancellation is repeated, as anyio does. It takes a millisecond.
            with anyio.CancelScope(shield=True):
                transport, watch = await asyncio.get_running_loop().subprocess_exec(
                    lambda: _Watch(lifeline, on_output),
                    *command,
                    stdin=lifeline.read_end,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
        except BaseException:  # no process can be made, or asyncio itself cancelled us
            lifeline.cut()
            raise
        finally:
            os.close(lifeline.read_end)
        return cls(transport, watch)

    @property
    def returncode(self) -> int | None:
        """None while it runs; then its exit status, or minus the signal that ended it."""
        return self._transport.get_returncode()

    @property
    def output(self) -> str:
        """The last 64 KiB that it wrote to its standard output and error."""
        return self._watch.tail.decode(errors="replace")

    async def end(self) -> int:
        """The exit status, once it has ended, whatever of its output is still to be read."""
        await self._watch.ended.wait()
        return self._status()

    async def wait(self) -> int:
        """The exit status, once it has ended and all that it wrote has been read.

        A process that it started in another session may hold its output open: half a second is
        waited for that, no more.
        """
        await self._watch.ended.wait()
        with anyio.move_on_after(0.5):
            await self._watch.drained.wait()
        self._transport.close()
        return self._status()

    def terminate(self) -> None:
        """Send it SIGTERM, if it still runs."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL, if it still runs."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it signal *number*, if it still runs; a process forked from ours has no say here.

        Not by the transport: subprocess looks first whether the process has ended, and by looking
        takes the exit status away from the event loop, which then tells 255 and a warning.
        """
        if self.returncode is None and self._is_ours:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def stop(self, grace_s: float = 0.0) -> int:
        """The exit status, after SIGTERM and, *grace_s* seconds later, SIGKILL; at once if 0.

        Cannot be cancelled, and is bounded: whoever starts to stop it has stopped it. Does nothing
        in a process forked from ours.
        """
        if not self._is_ours:
            return self._status()
        return await finish(self._stopped(grace_s))

    async def _stopped(self, grace_s: float) -> int:
        if grace_s > 0:
            self.terminate()
            with anyio.move_on_after(grace_s):
                await self._watch.ended.wait()
        self.kill()
        with anyio.move_on_after(_KILLED_S):
            await self.wait()
        return self._status()

    @property
    def _is_ours(self) -> bool:
        return os.getpid() == self._starter

    def _status(self) -> int:
        status = self.returncode
        return -signal.SIGKILL if status is None else status  # None: the kernel holds it, killed


class _Watch(asyncio.SubprocessProtocol):
    """What the event loop tells about a process: no task of ours is needed to listen."""

    tail: bytearray
    ended: asyncio.Event
    drained: asyncio.Event

    def __init__(self, lifeline: Lifeline, on_output: Callable[[bytes], None] | None) -> None:
        self._lifeline, self._on_output = lifeline, on_output
        self._group: int | None = None
        self.tail = bytearray()
        self.ended, self.drained = asyncio.Event(), asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._group = cast("asyncio.SubprocessTransport", transport).get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 (there is one)
        self.tail += data
        del self.tail[:-_TAIL]
        if self._on_output is not None:
            self._on_output(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002
        self.drained.set()

    def process_exited(self) -> None:
        if self._group is not None:
            # macOS refuses, instead of finding nothing, where zombies are all that is left.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, signal.SIGKILL)  # its watcher, too, which is needless now
        self._lifeline.cut()
        self.ended.set()
