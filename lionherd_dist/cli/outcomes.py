"""What became of each item, as lines of JSON: in the order of completion, or of the input."""

import json
from dataclasses import dataclass
from typing import TypeAlias

from lionherd_dist.cli.plain import as_json
from lionherd_dist.errors import LionherdError, RemoteError, sole


@dataclass(frozen=True, slots=True)
class Done:
    """The task returned *value*."""

    value: object


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no result: the name of the error's class, and its text."""

    type_name: str
    message: str


Result: TypeAlias = Done | Failed


def result_of(outcome: object) -> Result:
    """What a completion stream gave, with exceptions in place of failures, as a result."""
    return failure_of(outcome) if isinstance(outcome, Exception) else Done(outcome)


def failure_of(error: Exception) -> Failed:
    """*error* by name and text; a group of one is the one in it."""
    found = sole(error)
    if isinstance(found, RemoteError):
        return Failed(found.type_name, found.message)
    cls = type(found)
    known = cls.__module__ == "builtins" or isinstance(found, LionherdError)
    name = cls.__qualname__ if known else f"{cls.__module__}.{cls.__qualname__}"
    return Failed(name, str(found))


def line_of(index: int, result: Result) -> bytes:
    """*result* of item *index* as one line of JSON, line end included.

    Text stays readable, in UTF-8; half a surrogate pair, which UTF-8 has not, is written as the
    escape that JSON has for it.
    """
    match result:
        case Done(value):
            text = f'{{"index": {index}, "result": {as_json(value)}}}\n'
        case Failed(type_name, message):
            error = json.dumps({"type": type_name, "message": message}, ensure_ascii=False)
            text = f'{{"index": {index}, "error": {error}}}\n'
    return text.encode("utf-8", "backslashreplace")


class InputOrder:
    """Holds lines back until those of all earlier items have come.

    It holds what completed out of order and nothing else; how much that can be is decided by
    whoever lets items in: at most *most* from the oldest that is not done.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._next = 0
        self._held: dict[int, bytes] = {}

    def admits(self, index: int) -> bool:
        """True if item *index* may be begun."""
        return index < self._next + self._most

    def released_by(self, index: int, line: bytes) -> list[bytes]:
        """The lines that can go out now that *line* of item *index* is there; often none."""
        self._held[index] = line
        released: list[bytes] = []
        while (ready := self._held.pop(self._next, None)) is not None:
            released.append(ready)
            self._next += 1
        return released

    def rest(self) -> list[bytes]:
        """What is still held, in order, when nothing more will come: some items are missing."""
        rest = [self._held[index] for index in sorted(self._held)]
        self._held.clear()
        return rest
