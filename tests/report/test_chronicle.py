"""What is kept of a job: bounded, whatever the number of calls, and right."""

import pytest

from lionherd_dist.call import Ran
from lionherd_dist.report.chronicle import MOST_WORKERS, OTHERS, Chronicle, Outline
from lionherd_dist.report.durations import Durations
from lionherd_dist.report.page import page
from lionherd_dist.report.series import MOST_BINS, Axis


def test_bins_stay_few_and_lose_nothing() -> None:
    """Over a day, in any order: sums are kept, and so is the time that calls took."""
    axis = Axis()
    counts, busy = axis.series(), axis.series()
    for at in (5_000, 0, 86_400_000, 43_200_000, -7_000):
        counts.add(at)
        busy.add_span(at, at + 1_500)
    assert axis.count <= MOST_BINS
    assert sum(counts) == counts.total == 5
    assert sum(busy) == pytest.approx(7_500)
    assert next(iter(counts)) >= 1
    assert list(busy)[-1] > 0


def test_percentiles_are_right_to_within_five_percent() -> None:
    """Of 1 ms to 10 s, evenly."""
    durations = Durations()
    for ms in range(1, 10_001):
        durations.add(ms)
    for share in (0.5, 0.95, 0.99):
        assert durations.percentile_ms(share) == pytest.approx(share * 10_000, rel=0.05)
    assert sum(count for _, _, count in durations.bins()) == 10_000


def test_many_workers_share_a_last_row() -> None:
    """The page of a thousand workers is still a page."""
    chronicle = Chronicle()
    for index in range(2_000):
        chronicle.ran(Ran(float(index), 1.0, f"host:{index % 1_000}", 1))
    assert len(chronicle.workers) == MOST_WORKERS + 1
    assert sum(track.calls for track in chronicle.workers.values()) == 2_000
    assert chronicle.workers[OTHERS].calls == 2 * (1_000 - MOST_WORKERS)


def test_the_page_is_no_larger_for_more_calls() -> None:
    """A hundred thousand calls of 41 workers over a day: under 200 kB."""
    chronicle = Chronicle()
    for index in range(100_000):
        chronicle.ran(Ran(index * 864.0, float(index % 5_000), f"host:{index % 41}", 1))
    assert len(page(Outline("map", 100_000, None, 86_400, []), chronicle)) < 200_000


def test_a_job_without_times_has_a_page() -> None:
    """Nothing ran, or the workers are of an older release."""
    made = page(Outline("map", 0, None, 0.0, [], stopped=True), Chronicle("api"))
    assert "Stopped after 0 calls" in made
    assert "No call told when it ran." in made


@pytest.mark.parametrize(
    ("elapsed_s", "told"), [(1.0, "in 1 s."), (3.0, "in 3 s, of which the pictures show 1 s: from")]
)
def test_time_that_no_picture_shows_is_told(elapsed_s: float, told: str) -> None:
    """The rate over all of it is less than any bar: workers had to start before there was one."""
    chronicle = Chronicle()
    for index in range(100):
        chronicle.ran(Ran(index * 10.0, 9.0, "host:1", 1))
    assert told in page(Outline("map", 100, 100, elapsed_s, []), chronicle)


@pytest.mark.parametrize(
    ("done", "told"), [(10, None), (11, "1 of them"), (1_210, "1,200 of them")]
)
def test_calls_without_times_are_counted(done: int, told: str | None) -> None:
    """What is drawn of ten calls is not all of the job, where it had more."""
    chronicle = Chronicle()
    for index in range(10):
        chronicle.ran(Ran(float(index), 1.0, "host:1", 1))
    made = page(Outline("map", done, done, 1.0, []), chronicle)
    if told is None:
        assert "without times" not in made
    else:
        assert f"{told} came without times" in made
