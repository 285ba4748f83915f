"""Tables for people: drawn on a terminal, in plain columns anywhere else."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import starmap

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from lionherd_dist.printable import printable

MOST_IN_A_CELL = 160  # characters
LEAST_OF_A_TEXT = 14  # columns of a terminal, in which a text is put on several lines
BETWEEN_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table before it is drawn.

    Where a terminal is too narrow, columns are left out, the last ones first.

    Args:
        title: what it shows.
        columns: their headings, all empty for none. ``>`` sets a column to the right, ``…`` cuts
            its cells to one line where there is no room.
        rows: the cells, as they came: they are made printable when they are drawn.
        note: what is to be said below it, if anything; in its place if there are no rows.
        most: characters of a cell that are shown.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    most: int = MOST_IN_A_CELL


def drawn(sheets: Sequence[Sheet], width: int) -> Group:
    """*sheets* for a terminal of *width* columns."""
    return Group(*(part for sheet in sheets for part in _drawn(sheet, width)))


def _drawn(sheet: Sheet, width: int) -> list[Table | Text]:
    title = Text(sheet.title, style="bold")
    if not sheet.rows:
        return [title, Text(f"  {printable(sheet.note)}", style="dim"), Text()]
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
        show_header=any(sheet.columns),
    )
    count = _fitting(sheet, width)
    for place, column in enumerate(sheet.columns[:count]):
        whole = _is_whole(column, place)
        table.add_column(
            _heading(column),
            justify="right" if column.startswith(">") else "left",
            no_wrap=whole and not (count == 1 and place == 0),
            overflow="fold",
        )
    for row in sheet.rows:
        cells = zip(sheet.columns[:count], row[:count], strict=True)
        table.add_row(*starmap(partial(_cell, sheet.most), cells))
    notes = [printable(sheet.note)] if sheet.note else []
    if left_out := [_heading(column) for column in sheet.columns[count:]]:
        notes.append(f"not shown, for want of room: {', '.join(left_out)}")
    below = [Text(f"  {note}", style="dim") for note in notes]
    return [title, table, *below, Text()]


def _is_whole(column: str, place: int) -> bool:
    """True for a number or an id: if it is cut, it is another."""
    return column.startswith(">") or not place


def _fitting(sheet: Sheet, width: int) -> int:
    """How many of the columns fit beside each other; at least the first."""
    if not any(sheet.columns):
        return len(sheet.columns)
    needed = 0
    for place, column in enumerate(sheet.columns):
        texts = [_heading(column), *(printable(row[place], sheet.most) for row in sheet.rows)]
        wanted = max(map(cell_len, texts))
        needed += wanted if _is_whole(column, place) else min(wanted, LEAST_OF_A_TEXT)
        if place and needed > width:
            return place
        needed += BETWEEN_COLUMNS
    return len(sheet.columns)


def _heading(column: str) -> str:
    return column.removeprefix(">").removeprefix("…")


def _cell(most: int, column: str, text: str) -> Text:
    one_line = column.startswith("…")
    return Text(
        printable(text, most), no_wrap=one_line or None, overflow="ellipsis" if one_line else None
    )


def plain_text(sheets: Sequence[Sheet]) -> str:
    """*sheets* as text in columns, which other programs can read."""
    return "\n\n".join(map(_plain, sheets))


def _plain(sheet: Sheet) -> str:
    lines = [sheet.title]
    if sheet.rows:
        headings = tuple(map(_heading, sheet.columns))
        top = [headings] if any(headings) else []
        cells = [*top, *(tuple(printable(c, sheet.most) for c in r) for r in sheet.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        right = [column.startswith(">") for column in sheet.columns]
        for row in cells:
            sides = zip(row, widths, right, strict=True)
            placed = (cell.rjust(w) if to_right else cell.ljust(w) for cell, w, to_right in sides)
            lines.append(f"  {'  '.join(placed)}".rstrip())
    if sheet.note:
        lines.append(f"  {printable(sheet.note)}")
    return "\n".join(lines)


def show(sheets: Sequence[Sheet]) -> None:
    """Print *sheets* on standard output."""
    if sys.stdout.isatty():
        console = Console()
        console.print(drawn(sheets, console.width))
    else:
        click.echo(plain_text(sheets))
