"""What a process of a chaos run tells files about itself, whoever asks it to end.

A body's line is ``[S, label, index, who, number, slot, since, monotonic]`` and ``[E, who, number,
how, monotonic]``; *who* is one life of one process. It holds a flock'ed slot in between, taken
after *since*. ``[P, who, from, to]`` says that the whole process stood still for that long.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeAlias

from chaos.notes import Notes, take_slot

Slots: TypeAlias = Callable[[], tuple[str, int]]
TICK_S, STALL_S = 0.05, 0.3


class Witness:
    """Writes for the life *who* of a process, into the run's *directory*."""

    def __init__(self, directory: Path, who: str) -> None:
        self.directory, self.who = directory, who
        self._notes = Notes(directory / "bodies.log")
        self._numbers = itertools.count(1)

    @contextmanager
    def body(self, label: str, index: int, slots: Slots) -> Iterator[None]:
        """Tell of the start and the end of a call's body, and hold a slot between them.

        *slots* says which ones, and how many there are.
        """
        since = time.monotonic()
        group, count = slots()
        slot, file = take_slot(self.directory / "slots" / group, count)
        number = next(self._numbers)
        self._notes.write("S", label, index, self.who, number, slot, since, time.monotonic())
        how = "cut"
        try:
            yield
            how = "done"
        except Exception as error:
            how = type(error).__name__
            raise
        finally:
            ended_at = time.monotonic()
            os.close(file)
            self._notes.write("E", self.who, number, how, ended_at)

    def watch_stalls(self) -> None:
        """Note, from a thread, each time that this process stood still, for whatever reason."""
        threading.Thread(target=self._watch_stalls, name="chaos-stalls", daemon=True).start()

    def _watch_stalls(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(TICK_S)
            now = time.monotonic()
            if now - before > STALL_S:
                self._notes.write("P", self.who, before, now)
            before = now


@cache
def here() -> Witness:
    """This process's, as its environment says."""
    return Witness(Path(os.environ["CHAOS_DIRECTORY"]), os.environ["CHAOS_WHO"])
