"""How many hold a token at once, counted over all processes in memory that they share."""

import mmap
import struct
from collections.abc import Callable
from pathlib import Path

CELL = 8  # bytes
CHANGES = 1 << 20  # a cell holds its process's holders, and above them how often they changed


class Tally:
    """One cell for each process, which alone writes it; and one that says how far it is.

    Attributes:
        peak: the most holders that this process has ever seen at one moment.
    """

    def __init__(self, path: Path, processes: int, number: int) -> None:
        self._processes, self._number = processes, number
        with path.open("r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        self._cells = memoryview(memory).cast("q")
        self.peak = 0

    @staticmethod
    def create(path: Path, processes: int) -> None:
        path.write_bytes(struct.pack("q", 0) * (2 * processes))

    def reach(self, stage: int) -> None:
        """This process is at *stage*, above all that it was at before."""
        self._cells[self._processes + self._number] = stage

    def all_at(self, stage: int) -> bool:
        return min(self._cells[self._processes :]) >= stage

    def enter(self) -> None:
        """One more holds a token, in this process."""
        cells, mine = self._cells, self._number
        cells[mine] += CHANGES + 1
        if sum(cell % CHANGES for cell in cells[: self._processes]) > self.peak:
            self._look()

    def leave(self) -> None:
        """One is about to give its token back."""
        self._cells[self._number] += CHANGES - 1

    def _look(self) -> None:
        """Cells are read one after the other; unchanged in between, they were true together."""
        seen = snapshot(self._cells[: self._processes].tolist)
        self.peak = max(self.peak, sum(cell % CHANGES for cell in seen))


def snapshot(read: Callable[[], list[int]], tries: int = 20) -> list[int]:
    """What *read* gave twice in a row; nothing if it never did."""
    before = read()
    for _ in range(tries):
        after = read()
        if after == before:
            return after
        before = after
    return []
