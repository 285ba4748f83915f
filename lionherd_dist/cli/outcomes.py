"""What became of each item, as lines of JSON: in the order of completion, or of the input."""

from dataclasses import dataclass, field
from typing import TypeAlias

from lionherd_dist.cli.plain import as_json
from lionherd_dist.errors import LionherdError, RemoteError, sole
from lionherd_dist.printable import printable
from lionherd_dist.refused import refusal_in
from lionherd_dist.wire.called import FailureNote, failure_note, note_of

MOST_OF_AN_ITEM = 80  # characters, where people read it


@dataclass(frozen=True, slots=True)
class Done:
    """The task returned *value*."""

    value: object


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no result: the name of the error's class, and its text.

    Args:
        note: which call it was, and where it failed, if that is known.
        line: the start of the line that is no item, if it is none.
    """

    type_name: str
    message: str
    note: FailureNote | None = field(default=None, compare=False)
    line: str | None = None

    @property
    def traceback(self) -> str:
        """The traceback on the worker; "" if there is none."""
        return self.note.traceback if self.note else ""

    def item(self) -> dict[str, object]:
        """The item as JSON has it, under a name that says how much of it that is.

        A call with another number of arguments than one has ``args`` and ``kwargs``; one that is
        large, or cannot be read here, is a text.
        """
        if self.line is not None:
            return {"line": self.line}
        if self.note is None:
            return {}
        match self.note.arguments:
            case None:
                return {"call": self.note.called} if self.note.called else {}
            case ([one], kwargs) if not kwargs:
                return {"item": one}
            case (args, kwargs):
                return {"args": args, "kwargs": kwargs}

    def place(self) -> dict[str, object]:
        """Who raised it, and in which attempt, as JSON has it; nothing where no worker did."""
        if self.note is None or not self.note.worker:
            return {}
        return {"attempt": self.note.attempt, "worker": self.note.worker}

    def described(self, index: int) -> str:
        """The failure of item *index* on a line for people."""
        place = f"item {index}"
        if item := self.item():
            shown = " ".join(
                str(value) if name in {"line", "call"} else as_json(value)
                for name, value in item.items()
            )
            place += f" ({printable(shown, MOST_OF_AN_ITEM)})"
        if attempt := self.place().get("attempt"):
            place += f", attempt {attempt}"
        message = self.message.strip().partition("\n")[0]
        return f"{place}: {printable(message, 120)}"


Result: TypeAlias = Done | Failed


def result_of(outcome: object) -> Result:
    """What a completion stream gave, with exceptions in place of failures, as a result."""
    return failure_of(outcome) if isinstance(outcome, Exception) else Done(outcome)


def failure_of(error: Exception) -> Failed:
    """*error* by name and text; a group of one is the one in it."""
    found = sole(error)
    note = note_of(error) or note_of(found)
    refusal = None if note is None else refusal_in(note.called, note.arguments)
    if refusal is not None and isinstance(found, RemoteError):
        if refusal.line:
            return Failed(found.type_name, found.message, line=refusal.line)
        return Failed(found.type_name, found.message, failure_note(refusal.called))
    if isinstance(found, RemoteError):
        return Failed(found.type_name, found.message, note)
    cls = type(found)
    known = cls.__module__ == "builtins" or isinstance(found, LionherdError)
    name = cls.__qualname__ if known else f"{cls.__module__}.{cls.__qualname__}"
    return Failed(name, _text_of(found), note)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (a class may do anything with a state that it never had)
        return "(its message cannot be read)"


def line_of(index: int, result: Result, *, traceback: bool = False) -> bytes:
    """*result* of item *index* as one line of JSON, line end included.

    Text stays readable, in UTF-8; what a terminal would obey instead of showing it, and half a
    surrogate pair, which UTF-8 has not, are written as the escapes that JSON has for them. With
    *traceback*, a failure has that of its worker.
    """
    match result:
        case Done(value):
            return f'{{"index": {index}, "result": {as_json(value)}}}\n'.encode()
        case Failed(type_name, message):
            error: dict[str, object] = {"type": type_name, "message": message, **result.place()}
            if traceback and result.traceback:
                error["traceback"] = result.traceback
            line = {"index": index, **result.item(), "error": error}
            return f"{as_json(line)}\n".encode()


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
