"""What children print comes out whole: no byte more or less, no line or character cut."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator

import pytest

from lionherd_dist.embedded.output import MOST_HELD, Lines, LineSink, write_to_stderr


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """*data* as a pipe gives it."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64 * 1024])
@pytest.mark.parametrize(
    "data",
    [
        b"one\ntwo\n\nthree",
        b"no end of line",
        b"\n",
        b"\r 10%\r 20%\r\nnext\n",
        "語".encode() * 70_000,
        b"\x00\xff\xfe\n\x80" * 1000,
    ],
)
def test_the_output_of_one_process_is_passed_on_byte_by_byte(data: bytes, size: int) -> None:
    """However it comes in pieces."""
    if size < 7 and len(data) > 10_000:
        data = data[: 3 * 3000]
    written: list[bytes] = []
    lines = Lines(LineSink(written.append))
    for piece in pieces(data, size):
        lines.feed(piece)
    lines.end()
    assert b"".join(written) == data


def test_each_line_begins_with_its_process() -> None:
    """Lines of two do not run into each other, although their pieces come mixed."""
    written: list[bytes] = []
    sink = LineSink(written.append)
    one, two = Lines(sink, b"[1] "), Lines(sink, b"[2] ")
    one.feed(b"begun ")
    two.feed(b"a\nb\n\nnot en")
    one.feed(b"and ended\nrest")
    two.feed(b"ded")
    one.end()
    two.end()
    assert b"".join(written) == b"[2] a\n[2] b\n[2] \n[1] begun and ended\n[1] rest\n[2] not ended"


@pytest.mark.parametrize("character", ["x", "é", "語", "😀"])
@pytest.mark.parametrize("offset", range(4))
def test_a_line_without_end_is_passed_on_in_pieces_of_whole_characters(
    character: str, offset: int
) -> None:
    """What is held is bounded, and each piece can be read by itself."""
    line = ("x" * offset + character * MOST_HELD).encode()
    written: list[bytes] = []
    lines = Lines(LineSink(written.append), b"> ")
    for piece in pieces(line, 64 * 1024):
        lines.feed(piece)
    assert sum(map(len, written)) >= len(line) - MOST_HELD
    lines.feed(b"\n")
    assert "".join(piece.decode() for piece in written) == "> " + line.decode() + "\n"


def test_a_piece_of_a_long_line_does_not_swallow_the_line_of_another() -> None:
    """A new line is begun for it."""
    written: list[bytes] = []
    sink = LineSink(written.append)
    one, two = Lines(sink, b"[1] "), Lines(sink, b"[2] ")
    one.feed(b"x" * (MOST_HELD + 1))
    two.feed(b"two\n")
    one.feed(b"end\n")
    assert b"".join(written) == b"[1] " + b"x" * (MOST_HELD + 1) + b"\n[2] two\n[1] end\n"


def test_a_file_gets_the_bytes_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are no text, after what was written as text before."""
    with tempfile.TemporaryFile() as file:
        stream = io.TextIOWrapper(open(os.dup(file.fileno()), "wb"), encoding="ascii")  # noqa: SIM115, PTH123
        monkeypatch.setattr(sys, "stderr", stream)
        sys.stderr.write("before\n")
        write_to_stderr(b"\xff\x00\n")
        write_to_stderr("語\n".encode())
        stream.close()
        file.seek(0)
        assert file.read() == b"before\n\xff\x00\n" + "語\n".encode()


def test_what_takes_text_gets_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A StringIO, a notebook's stream, and the one of a test."""
    write_to_stderr("語\n".encode() + b"\xff\n")
    assert capsys.readouterr().err == "語\n\ufffd\n"
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    write_to_stderr("語\n".encode())
    assert stream.getvalue() == "語\n"


def test_output_that_has_nowhere_to_go_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed stream, one whose reader has gone, and none at all."""
    closed = io.StringIO()
    closed.close()
    reading, writing = os.pipe()
    os.close(reading)
    gone = io.TextIOWrapper(io.FileIO(writing, "w"), write_through=True)
    for stream in (closed, gone, None):
        monkeypatch.setattr(sys, "stderr", stream)
        write_to_stderr(b"lost\n")
    gone.close()
