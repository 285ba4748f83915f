"""How long things took: counts in bins that grow by an eighth of a doubling, 9 % each."""

import math
from collections import Counter

BINS_PER_DOUBLING = 8
LEAST_MS = 0.01
MOST_MS = 1e9  # eleven days


class Durations:
    """A histogram in constant memory; its percentiles are right to within a bin."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, took_ms: float) -> None:
        """Count one that took so long."""
        kept_ms = min(max(took_ms, LEAST_MS), MOST_MS)
        self._counts[math.floor(math.log2(kept_ms) * BINS_PER_DOUBLING)] += 1

    @property
    def count(self) -> int:
        """How many there were."""
        return self._counts.total()

    def percentile_ms(self, share: float) -> float:
        """What *share* of them, from 0 to 1, took at most; 0 if there were none."""
        if not self._counts:
            return 0.0
        wanted, passed = share * self.count, 0
        for number in sorted(self._counts):
            passed += self._counts[number]
            if passed >= wanted:
                return edge_ms(number + 0.5)
        return edge_ms(max(self._counts) + 0.5)

    def bins(self) -> list[tuple[float, float, int]]:
        """(from ms, to ms, count) of each bin between the first and the last that hold any."""
        if not self._counts:
            return []
        numbers = range(min(self._counts), max(self._counts) + 1)
        return [(edge_ms(one), edge_ms(one + 1), self._counts[one]) for one in numbers]


def edge_ms(number: float) -> float:
    """Where bin *number* begins."""
    return float(2 ** (number / BINS_PER_DOUBLING))
