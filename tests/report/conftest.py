"""A job's chronicle, made up: three workers, failures, a limiter, hostile names."""

import pytest

from lionherd_dist.call import Ran
from lionherd_dist.report.chronicle import Chronicle, Failures, Occupancy, Outline

HOSTILE = '<img src="http://example.org/x.png" onerror="alert(1)">'
BEGAN_MS = 1_700_000_000_000.0


@pytest.fixture
def outline() -> Outline:
    """What the command counted."""
    failures = [Failures("ValueError", 90, HOSTILE), Failures(HOSTILE, 10, "item 3: \x1b[31m")]
    return Outline(f"map {HOSTILE}", 10_000, 10_000, 25.0, failures)


@pytest.fixture
def seen() -> Chronicle:
    """Ten thousand calls of 10 to 30 ms on three workers, ten at once, one in a hundred failed."""
    chronicle = Chronicle()
    for index in range(10_000):
        begun_ms = BEGAN_MS + index // 10 * 20.0
        worker = HOSTILE if index % 3 == 2 else f"host:{index % 3}"
        chronicle.ran(Ran(begun_ms, 10.0 + index % 21, worker, 1, failed=index % 100 == 0))
    clock = iter(range(100))
    chronicle.occupancy = Occupancy("api", clock=lambda: next(clock) / 4)
    for sample in range(100):
        chronicle.occupancy.look(total=10, held=min(10, sample), waiting=1)
    return chronicle
