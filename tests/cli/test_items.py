"""The input of ``map``: what counts as an item, in which order, and what is wrong with a line."""

import os
from pathlib import Path

import pytest

from lionherd_dist.cli import items
from lionherd_dist.cli.items import BadLine, Item, count_items, item_of, read_items

pytestmark = pytest.mark.anyio


async def read(*sources: Path, bare: bool = False) -> list[Item | BadLine]:
    return [one async for one in read_items([str(source) for source in sources], bare=bare)]


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


async def test_every_line_is_a_json_value(write) -> None:
    """Any JSON value is an item; blank lines and line ends of any kind are not."""
    path = write("a", b'1\n\n"x"\r\n  \n[1, {"a": null}]\ntrue')
    assert await read(path) == [Item(1), Item("x"), Item([1, {"a": None}]), Item(True)]


async def test_bare_lines_are_text(write) -> None:
    """With --lines each line is the item, an empty one too, so that line n is item n."""
    path = write("a", b"1\n\n x \r\nlast")
    assert await read(path, bare=True) == [Item("1"), Item(""), Item(" x "), Item("last")]


async def test_files_follow_each_other(write) -> None:
    """Several files are one input, whether or not they end with a line end."""
    assert await read(write("a", b"1"), write("b", b""), write("c", b"2\n")) == [Item(1), Item(2)]


async def test_a_byte_order_mark_is_not_part_of_the_first_item(write) -> None:
    """Files written by Windows programs are read as well."""
    assert await read(write("a", b"\xef\xbb\xbf1\n2\n")) == [Item(1), Item(2)]


async def test_lines_longer_than_a_chunk_stay_whole(write, monkeypatch) -> None:
    """Where the chunks end makes no difference."""
    path = write("a", b'"abcdefghij"\r\n"k"\r\n\n7')
    whole = await read(path)
    for size in range(1, 9):
        monkeypatch.setattr(items, "CHUNK_BYTES", size)
        assert await read(path) == whole
        assert count_items([str(path)], bare=False) == 3
        assert count_items([str(path)], bare=True) == 4


@pytest.mark.parametrize(
    ("line", "type_name", "message"),
    [
        (b"{oops", "JSONDecodeError", "f, line 7, column 2: Expecting property name"),
        (b"1 2", "JSONDecodeError", "f, line 7, column 3: Extra data"),
        (b'"\xff"', "UnicodeDecodeError", "f, line 7: 'utf-8' codec can't decode"),
        (b"[" * 100_000, "RecursionError", "f, line 7: maximum recursion"),
        (b"9" * 5_000, "ValueError", "f, line 7: Exceeds the limit"),
    ],
)
def test_a_bad_line_says_where_and_what(line: bytes, type_name: str, message: str) -> None:
    """Each kind of bad line has the name of its error, and its place in the message."""
    found = item_of(line, "f, line 7", bare=False)
    assert isinstance(found, BadLine)
    assert found.type_name == type_name
    assert found.message.startswith(message)


async def test_a_bad_line_does_not_end_the_input(write) -> None:
    """What comes after it is read; its number counts blank lines, as editors do."""
    path = write("a", b"1\n\n{\n3\n")
    first, bad, third = await read(path)
    assert (first, third) == (Item(1), Item(3))
    assert isinstance(bad, BadLine)
    assert bad.message.startswith(f"{path}, line 3, column 2")


async def test_what_is_not_a_regular_file_is_not_counted(tmp_path: Path) -> None:
    """Counting a pipe would take away what is in it."""
    os.mkfifo(tmp_path / "pipe")
    assert count_items([str(tmp_path / "pipe")], bare=True) is None
