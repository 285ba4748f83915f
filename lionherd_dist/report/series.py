"""Sums over time in a bounded number of bins, however long it goes on and however much there is."""

from collections.abc import Iterator

FIRST_WIDTH_MS = 10.0
MOST_BINS = 120


class Axis:
    """Time, cut into at most ``MOST_BINS`` bins of one width; all its series share them.

    Bins are numbered by their time, so one that begins before all others is no special case. When
    there are too many, neighbours become one and the width doubles.

    Attributes:
        width_ms: of a bin.
    """

    width_ms: float

    def __init__(self, width_ms: float = FIRST_WIDTH_MS) -> None:
        self.width_ms = width_ms
        self._ends: tuple[float, float] | None = None
        self._all: list[Series] = []

    def series(self) -> "Series":
        """A new series of sums over this time."""
        new = Series(self)
        self._all.append(new)
        return new

    def reach(self, begin_ms: float, end_ms: float) -> None:
        """Make bins for this span."""
        old = self._ends or (begin_ms, end_ms)
        self._ends = (min(old[0], begin_ms), max(old[1], end_ms))
        while self.last - self.first >= MOST_BINS:
            self.width_ms *= 2
            for one in self._all:
                one.halve()

    def bin_of(self, at_ms: float) -> int:
        """The number of the bin that *at_ms* falls into."""
        return int(at_ms // self.width_ms)

    @property
    def first(self) -> int:
        """The first bin."""
        return 0 if self._ends is None else self.bin_of(self._ends[0])

    @property
    def last(self) -> int:
        """The last bin."""
        return -1 if self._ends is None else self.bin_of(self._ends[1])

    @property
    def count(self) -> int:
        """How many bins there are."""
        return self.last - self.first + 1

    @property
    def span_ms(self) -> float:
        """From the begin of the first bin to the end of the last."""
        return self.count * self.width_ms


class Series:
    """A sum for each bin of *axis*."""

    def __init__(self, axis: Axis) -> None:
        self._axis = axis
        self._sums: dict[int, float] = {}

    def add(self, at_ms: float, amount: float = 1) -> None:
        """Add *amount* at one moment."""
        self._axis.reach(at_ms, at_ms)
        number = self._axis.bin_of(at_ms)
        self._sums[number] = self._sums.get(number, 0) + amount

    def add_span(self, begin_ms: float, end_ms: float) -> None:
        """Add the milliseconds from *begin_ms* to *end_ms*, to each bin those that it holds."""
        self._axis.reach(begin_ms, end_ms)
        width = self._axis.width_ms
        for number in range(self._axis.bin_of(begin_ms), self._axis.bin_of(end_ms) + 1):
            part = min(end_ms, (number + 1) * width) - max(begin_ms, number * width)
            self._sums[number] = self._sums.get(number, 0) + part

    def halve(self) -> None:
        """Make one bin of two: the axis has doubled its width."""
        old, self._sums = self._sums, {}
        for number, amount in old.items():
            self._sums[number // 2] = self._sums.get(number // 2, 0) + amount

    def __iter__(self) -> Iterator[float]:
        """The sums, from the first bin of the axis to the last."""
        for number in range(self._axis.first, self._axis.last + 1):
            yield self._sums.get(number, 0)

    @property
    def total(self) -> float:
        """All of them together."""
        return sum(self._sums.values())
