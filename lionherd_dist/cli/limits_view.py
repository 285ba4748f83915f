"""Limiters as tables and as JSON objects."""

from collections.abc import Sequence
from dataclasses import asdict

from lionherd_dist.cli.sheets import Sheet
from lionherd_dist.printable import span
from lionherd_dist.store.limit_rows import LimiterRow, UserRow

COLUMNS = ("limiter", ">total", ">held", ">waiting", ">users", "note")


def limiters_sheet(rows: Sequence[LimiterRow]) -> Sheet:
    """The limiters of a namespace."""
    cells = [
        (
            row.name,
            *(f"{count:,}" for count in (row.total, row.borrowed, row.waiting, row.users)),
            _note(row),
        )
        for row in rows
    ]
    return Sheet(f"limiters ({len(rows):,})", COLUMNS, cells, "" if rows else "none in use")


def _note(row: LimiterRow) -> str:
    notes = []
    if row.total == 0:
        notes.append("paused")
    elif row.fixed:
        notes.append("set at run time")
    if row.borrowed > row.total:
        notes.append(f"{row.borrowed - row.total:,} over, until they come back")
    if row.shut_ms:
        notes.append(
            f"lends nothing for {span(row.shut_ms / 1000)}: the server is new or lost data, and "
            "holders of tokens may not have heard of that"
        )
    return "; ".join(notes)


def users_sheet(rows: Sequence[UserRow], places: dict[str, str]) -> Sheet:
    """Who uses one limiter; *places* say where sessions run."""
    cells = [
        (
            row.owner,
            "a job" if "-" in row.owner else places.get(row.owner, ""),
            *(f"{row.held:,}", f"{row.waiting:,}"),
        )
        for row in rows
    ]
    columns = ("session or job", "process", ">held", ">waiting")
    return Sheet("users", columns, cells, "" if rows else "nobody holds or waits")


def limiter_object(row: LimiterRow) -> dict[str, object]:
    """*row* as JSON has it."""
    return asdict(row)
