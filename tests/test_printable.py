"""What came from servers and users is shown, never obeyed."""

import io

import pytest
from rich.console import Console

from lionherd_dist.cli.sheets import Sheet, drawn, plain_text
from lionherd_dist.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Grüße, 日本", "plain, Grüße, 日本"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\u2028\u2029\u202e\ufeff", "\\u2028\\u2029\\u202e\\ufeff"),
        ("half \ud800", "half \\ud800"),
        ("x" * 600, "x" * 500 + "…"),
    ],
    ids=ascii,
)
def test_what_is_no_sign_is_written_as_its_escape(text: str, shown: str) -> None:
    """Control characters, line ends, marks of direction, half pairs; and it is cut."""
    assert printable(text) == shown


def test_every_cell_and_note_of_a_table_is_made_printable() -> None:
    """In both forms; markup of the terminal library is text, too."""
    sheet = Sheet("t", ("a", ">b"), [("\x1b[1m", "[red]x[/]")], note="\x07")
    assert plain_text([sheet]).splitlines() == [
        "t",
        "  a                b",
        "  \\x1b[1m  [red]x[/]",
        "  \\x07",
    ]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(drawn([sheet], 80))
    text = console.export_text()
    assert "\\x1b[1m" in text
    assert "[red]x[/]" in text
    assert "\x07" not in text


def test_a_table_without_rows_says_why() -> None:
    """And one without headings has no line for them."""
    assert plain_text([Sheet("t", ("a",), [], "none")]) == "t\n  none"
    assert plain_text([Sheet("t", ("", ""), [("a", "b")])]) == "t\n  a  b"
