"""``docker compose run client map``, fed for as long as a test likes."""

import json
import subprocess
import threading
import time
from types import TracebackType
from typing import Self

from containers.compose import Project, until

TASK = "worker.tasks:fetch"
SECONDS = 0.05  # that each call takes
AHEAD = 500  # items fed whose outcomes are not there yet: what is left to do when the input ends


class FedJob:
    """A job whose input ends with ``finish``; its outcomes are read as they come.

    Attributes:
        indexes: of the outcomes so far, in their order.
        fed: how many items were written.
        longest_stall_s: the longest time between two outcomes.
    """

    def __init__(self, compose: Project, *options: str) -> None:
        run = ("run", "--rm", "--no-TTY", "client", "map", TASK, "--quiet", *options)
        self._process = subprocess.Popen(
            ["docker", *compose.command, *run],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.indexes: list[int] = []
        self.fed = 0
        self.longest_stall_s = 0.0
        self._done: set[int] = set()
        self._complaints: list[str] = []
        self._enough = threading.Event()
        self._came = threading.Condition()
        self._threads = [
            threading.Thread(target=work) for work in (self._feed, self._read, self._listen)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        if error is not None:
            self._process.kill()
        for thread in self._threads:
            thread.join(60)
        self._process.wait(60)

    def _feed(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            with pipe:
                while not self._enough.is_set():
                    with self._came:
                        if self.fed - len(self.indexes) >= AHEAD:
                            self._came.wait(0.1)
                            continue
                    pipe.write(f"{SECONDS}\n")
                    pipe.flush()
                    self.fed += 1
        except BrokenPipeError:
            return  # it has ended: its exit status says why

    def _read(self) -> None:
        assert self._process.stdout is not None
        last = None
        with self._process.stdout as lines:
            for line in lines:
                now = time.monotonic()
                self.longest_stall_s = max(self.longest_stall_s, now - (last or now))
                last = now
                outcome = json.loads(line)
                assert outcome["result"] == SECONDS
                with self._came:
                    self.indexes.append(outcome["index"])
                    self._done.add(outcome["index"])
                    self._came.notify_all()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            self._complaints.extend(lines)

    def goes_on(self, outcomes: int = 200) -> None:
        """Wait for that many more."""
        goal = len(self.indexes) + outcomes
        self._until(lambda: len(self.indexes) >= goal, f"{goal} outcomes are there")

    def catches_up(self) -> None:
        """Wait until all that was fed by now is done, whoever had it in hand."""
        fed = self.fed
        self._until(lambda: self._done.issuperset(range(fed)), f"the first {fed} items are done")

    def is_lost(self) -> bool:
        """Wait until the job goes on, or has ended in ``JobLostError``; True for the latter.

        Tells them apart by the traceback: give the job ``--debug``.
        """
        goal = len(self.indexes) + AHEAD  # more than can be on their way
        until(
            lambda: self._process.poll() is not None or len(self.indexes) >= goal,
            description="the job goes on, or is lost",
        )
        if self._process.poll() is None:
            return False
        assert self.finish() == 1
        assert "JobLostError" in "".join(self._complaints)
        return True

    def _until(self, condition: object, description: str) -> None:
        assert callable(condition)
        until(lambda: self._process.poll() is not None or condition(), description=description)
        assert self._process.poll() is None, "".join(self._complaints)

    def finish(self) -> int:
        """End the input; the exit status."""
        self._enough.set()
        status = self._process.wait(60)
        for thread in self._threads:
            thread.join(10)
        return status
