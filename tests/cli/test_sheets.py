"""Tables on terminals of any width: a number or an id is whole, or is not there."""

import pytest
from rich.console import Console

from lionherd_dist.cli.job_view import jobs_sheet
from lionherd_dist.cli.letter_view import COLUMNS as LETTER_COLUMNS
from lionherd_dist.cli.limits_view import limiters_sheet
from lionherd_dist.cli.sheets import Sheet, drawn
from lionherd_dist.store.job_rows import JobRow
from lionherd_dist.store.limit_rows import LimiterRow

JOB = JobRow(
    id="5f3a9c01b2d4-17", owner="", accepted=1_234_567, total=1_234_567, done=1_000_001, read=9,
    backlog=234_566, in_hand=12_345, limit=12_345, limiter="", room=0, age_ms=8_000_000,
    left_ms=None, kept_ms=1, reader="", cancelled=False,
)  # fmt: skip
LIMITER = LimiterRow("api.example.com:443", 1_000_000, True, 999_999, 12_345, 678, 12_000)
SHEETS = {
    "jobs": jobs_sheet([JOB], 1, {JOB.id: 12_345.0}),
    "limits": limiters_sheet([LIMITER]),
    "dead": Sheet(
        "dead letters (1)",
        LETTER_COLUMNS,
        [("1790000000000-0", "3 min 20 s", JOB.id, "123,456", "my_tasks:f", "KeyError", "x " * 50)],
    ),
    "calls": Sheet(
        "calls",
        (">backlog", ">waiting", ">in hand", ">for a next attempt", ">rate", ">dead letters"),
        [("1,234,567", "123,456", "12,345", "1,234", "12,345/s", "999")],
    ),
}


def drawing(sheet: Sheet, width: int) -> str:
    console = Console(width=width, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(drawn([sheet], width))
    return captured.get()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("name", SHEETS)
def test_columns_are_left_out_instead_of_cut(name: str, width: int) -> None:
    """What is shown is whole, and what is not is named; nothing is wider than the terminal."""
    sheet = SHEETS[name]
    text = drawing(sheet, width)
    assert all(len(line) <= width for line in text.splitlines())
    words = " ".join(text.split())
    _, _, left_out = words.partition("not shown, for want of room: ")
    for place, column in enumerate(sheet.columns):
        heading = column.lstrip(">…")
        if heading in left_out:
            continue
        if column.startswith(">"):
            assert any(sheet.rows[0][place] in line for line in text.splitlines()), column
    assert "…" not in text or name == "dead"
    assert sheet.rows[0][0] in (text if width >= 20 else text.replace("\n", ""))


def test_all_columns_are_there_where_there_is_room() -> None:
    """And then nothing is said of it."""
    for sheet in SHEETS.values():
        assert "not shown" not in drawing(sheet, 200)


def test_a_narrow_terminal_says_what_it_does_not_show() -> None:
    """The last columns go first."""
    text = " ".join(drawing(SHEETS["jobs"], 60).split())
    assert text.endswith("not shown, for want of room: rate, backlog, in hand, limit, age")
