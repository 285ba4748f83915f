"""Files that any process appends to and that survive it: one line, one write. No library."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

RESCANS = 5  # of the slots: a look at one after the other is no picture of one moment


class Notes:
    """Appends lines of JSON to *path*; a process that is killed leaves whole lines."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *words: object) -> None:
        """Append one line."""
        os.write(self._file, json.dumps(words).encode() + b"\n")

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


def read_notes(path: Path) -> Iterator[list[object]]:
    """The lines of *path*; none if it is not there."""
    if path.exists():
        with path.open() as file:
            for line in file:
                yield json.loads(line)


def take_slot(directory: Path, limit: int) -> tuple[int, int]:
    """The number of a slot that nobody held, and its open file; closing it frees the slot.

    The kernel frees it when the process dies. A number of *limit* or more says that there were
    *limit* holders already.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for _ in range(RESCANS):
        for slot in range(limit):
            file = _lock(directory / str(slot))
            if file is not None:
                return slot, file
    slot = limit
    while (file := _lock(directory / str(slot))) is None:
        slot += 1
    return slot, file


def _lock(path: Path) -> int | None:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
