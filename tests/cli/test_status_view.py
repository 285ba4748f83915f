"""How fast jobs go, by what is known of them."""

import io
from dataclasses import replace

from rich.console import Console

from lionherd_dist.cli.sheets import drawn
from lionherd_dist.cli.status_view import rates_between, status_sheets
from lionherd_dist.store.job_rows import JobRow
from lionherd_dist.store.reading import Overview, SessionRow

JOB = JobRow("C-1", "C", 0, 0, 50, 50, 20, 20, 20, 10, 100, 10_000, None, "", cancelled=False)
SEEN = Overview(1_000_000, [], 0, [JOB], 1, 0, 0, 0, 0, [])


def test_a_rate_is_that_since_the_last_look() -> None:
    """And that since the job was opened where there was none, or the job was not seen in it."""
    assert rates_between(None, SEEN) == {"C-1": 2.0}
    later = replace(SEEN, now_ms=1_002_000, jobs=[replace(JOB, done=30, age_ms=12_000)])
    assert rates_between(SEEN, later) == {"C-1": 5.0}
    assert rates_between(replace(SEEN, jobs=[]), later) == {"C-1": 2.5}
    assert rates_between(SEEN, SEEN) == {"C-1": 2.0}


def test_a_job_that_is_done_or_of_unknown_age_has_no_rate() -> None:
    """Rather than one that means nothing."""
    done = replace(SEEN, now_ms=1_002_000, jobs=[replace(JOB, done=50)])
    assert rates_between(SEEN, done) == {"C-1": None}
    assert rates_between(None, replace(SEEN, jobs=[replace(JOB, age_ms=None)])) == {"C-1": None}


def test_what_is_not_listed_is_counted() -> None:
    """A table that is a part says of how much, and what its sums are about."""
    worker = SessionRow("W", "web:1", -2_000, 4, ("a", "b", "c", "d", "e"), 0, 0)
    seen = replace(SEEN, sessions=[worker], session_count=700, job_count=300)
    calls, workers, _, jobs, _ = status_sheets(seen, rates_between(None, seen))
    assert "jobs below" in calls.note
    assert "699 more" in workers.note
    assert "299 more" in jobs.note
    assert workers.rows[0][-2:] == ("dead for 2.0 s", "a, b, c, d, …")


def test_a_screen_of_eighty_columns_cuts_neither_ids_nor_numbers() -> None:
    """What is cut of them cannot be used, or is another number; a worker has one line."""
    names = tuple(f"a.long.module.name:task_{number}" for number in range(4))
    workers = [
        SessionRow(f"80d2dcd429a{n}", f"a3c67e7f2e79:{n}", 1, 100, names, 0, 0) for n in "12"
    ]
    job = replace(JOB, id="5f3a9c01b2d4-1", accepted=1_000_000, total=1_000_000, done=20_000)
    seen = replace(SEEN, sessions=workers, session_count=2, jobs=[job])
    console = Console(width=80, file=io.StringIO())
    with console.capture() as shown:
        console.print(drawn(status_sheets(seen, rates_between(None, seen)), 80))
    lines = shown.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert {"20,000", "1,000,000", "5f3a9c01b2d4-1"} <= set(shown.get().split())
    first, second = (number for number, line in enumerate(lines) if "a3c67e7f2e79:" in line)
    assert second == first + 1
