"""Numbers of a run, as text for people."""

import time

import pytest

from lionherd_dist.cli.outcomes import Done, Failed
from lionherd_dist.cli.tally import Tally, per_second, status_line, summary
from lionherd_dist.printable import span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (59.6, "1 min 0 s"), (3725, "1 h 2 min")],
)
def test_spans_are_short_and_readable(seconds: float, text: str) -> None:
    """Two units at most."""
    assert span(seconds) == text


@pytest.mark.parametrize(("rate", "text"), [(0.25, "0.2/s"), (99.9, "99.9/s"), (12345, "12,345/s")])
def test_rates_are_short_and_readable(rate: float, text: str) -> None:
    """A digit after the point where there are few before it."""
    assert per_second(rate) == text


def test_the_summary_counts_failures_by_type_with_an_example_of_each() -> None:
    """The first failure of each class is shown, by its first line."""
    tally = Tally()
    for index in range(5):
        failed = Failed("ValueError", f"no {index}\nmore")
        tally.settled(index, Done(index) if index < 2 else failed)
    tally.settled(5, Failed("KeyError", "'k'"))
    first, *kinds = summary(tally).split("\n")
    assert first.startswith("6 done, 4 of them failed, in ")
    assert kinds == [
        "  3 ValueError, the first: item 2: no 2",
        "  1 KeyError, the first: item 5: 'k'",
    ]


def test_time_left_is_told_only_where_the_total_is_known() -> None:
    """Standard input has no total until it has ended."""
    tally = Tally()
    tally.settled(0, Done(None))
    assert " left" not in status_line(tally)
    assert status_line(tally).startswith("1 done, 0 failed")
    tally.total = 10
    assert "1 of 10 done" in status_line(tally)
    assert status_line(tally).endswith(" left")


def test_what_other_runs_did_counts_as_done_but_not_as_fast() -> None:
    """A hundred thousand in a moment would be no rate to tell from."""
    tally = Tally(total=100_010, before=100_000, done=5, started=time.monotonic() - 5)
    assert tally.left_s == pytest.approx(5, rel=0.1)
    assert status_line(tally).startswith("100,005 of 100,010 done")


def test_the_summary_is_short_however_many_kinds_of_failures_there_are() -> None:
    """A task may put anything into the name of a class."""
    tally = Tally()
    for index in range(100):
        tally.settled(index, Failed(f"Error{index}\x1b[31m", "no"))
    lines = summary(tally).split("\n")
    assert len(lines) == 22
    assert lines[-1] == "  and 80 more kinds of failures"
    assert "\x1b" not in summary(tally)


def test_the_first_failure_is_told_once() -> None:
    """With its index, as soon as it is counted."""
    told: list[int] = []
    tally = Tally(on_first_failure=lambda index, _: told.append(index))
    for index in range(4):
        tally.settled(index, Done(1) if index < 2 else Failed("KeyError", "'k'"))
    assert told == [2]
