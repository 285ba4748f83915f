"""What child processes print, passed on to standard error in whole lines and byte by byte.

Lines of several processes do not run into each other, and no character is cut in two. A line that
is not finished is held until it is, until it is very long, or until its process has ended.
"""

import io
import sys
from collections.abc import Callable
from contextlib import suppress

MOST_HELD = 1024 * 1024  # bytes of a line that is not finished; a longer one is passed on in pieces


class Lines:
    """The output of one process, each line of which begins with *prefix*."""

    def __init__(self, sink: "LineSink", prefix: bytes = b"") -> None:
        self._sink, self._prefix = sink, prefix
        self._held = bytearray()

    def feed(self, data: bytes) -> None:
        """Pass on the lines that *data* finishes."""
        finished, newline, rest = data.rpartition(b"\n")
        if newline:
            self._sink.write(self, self._prefix, bytes(self._held + finished + newline))
            self._held = bytearray(rest)
        else:
            self._held += data
        if len(self._held) > MOST_HELD:
            cut = _boundary(self._held)
            self._sink.write(self, self._prefix, bytes(self._held[:cut]))
            del self._held[:cut]

    def end(self) -> None:
        """Pass on what is left: the process has ended."""
        if self._held:
            self._sink.write(self, self._prefix, bytes(self._held))
            self._held.clear()


def _boundary(data: bytearray) -> int:
    """Where *data* ends, less a character of UTF-8 that is not complete."""
    for back in range(1, 4):
        byte = data[-back]
        if byte >= 0b1100_0000:  # the first byte of a character of 2 to 4 bytes
            length = 2 if byte < 0b1110_0000 else 3 if byte < 0b1111_0000 else 4
            return len(data) - back if back < length else len(data)
        if byte < 0b1000_0000:
            break
    return len(data)


class LineSink:
    """Where the lines of several processes meet."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._unfinished: Lines | None = None

    def write(self, source: Lines, prefix: bytes, data: bytes) -> None:
        """Write *data* of *source*: lines, or a piece of one that it has not finished."""
        lines = data[:-1].replace(b"\n", b"\n" + prefix) + data[-1:]
        if self._unfinished is not source:
            separator = b"" if self._unfinished is None else b"\n"
            lines = separator + prefix + lines
        self._unfinished = None if data.endswith(b"\n") else source
        self._write(lines)


def write_to_stderr(data: bytes) -> None:
    """Write *data* to standard error as it is; as text where that takes text only.

    What stands in for standard error (a test's, a notebook's, a progress bar's) takes text. What
    cannot be written is lost: there is no other place to write it to.
    """
    stream = sys.stderr
    with suppress(OSError, ValueError):  # closed, or its reader has gone
        if _has_file(stream):
            stream.flush()
            stream.buffer.write(data)
        elif stream is not None:
            stream.write(data.decode(errors="replace"))
        if stream is not None:
            stream.flush()


def _has_file(stream: object) -> bool:
    if not isinstance(stream, io.TextIOWrapper):
        return False
    try:
        stream.fileno()
    except (OSError, ValueError):
        return False
    return True
