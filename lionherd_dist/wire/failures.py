"""Exceptions to plain records, on the worker.

A record is a dict of plain values:

    type       the qualified name of the class, for people: httpx.ReadTimeout
    class      what the class is called on the wire, or None: see ``classes``
    message    str(error)
    args       what its constructor was given; strings in place of what cannot be sent
    state      its own attributes, or the fields of a dataclass; registered classes only
    notes      the notes it already had
    traceback  as Python prints it, with causes and contexts; the outermost exception only
    children   the records of an ExceptionGroup
    call       the call that failed, see ``called``; the outermost exception only

How it becomes an exception again is in ``rebuilding``.
"""

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lionherd_dist import registry
from lionherd_dist.errors import EncodeError, RemoteError
from lionherd_dist.wire.classes import qualified_name, reference
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.values import encode

Record: TypeAlias = dict[str, object]

MAX_DEPTH = 5  # groups inside each other; what is deeper is one record with a text
_MAX_CHILDREN = 100  # in all groups of one record together
_MAX_NOTES = 10
_CUT = "\n… cut here …\n"


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of an exception is kept: bytes of each text, traceback and argument; children."""

    text: int
    traceback: int
    argument: int
    children: int


# From all that is allowed to next to nothing: the last is the name of the class and the message,
# and fits the smallest of limits.
BUDGETS = (
    Budget(text=4096, traceback=16384, argument=1 << 30, children=_MAX_CHILDREN),
    Budget(text=4096, traceback=16384, argument=4096, children=20),
    Budget(text=512, traceback=1024, argument=256, children=4),
    Budget(text=256, traceback=0, argument=0, children=0),
)


def record_of(error: Exception, limits: Limits, budget: Budget) -> Record:
    """*error* as plain values that can be sent. Never raises, whatever its class does."""
    record = _Recorder(limits, budget).record(error, depth=1)
    record["traceback"] = _traceback_of(error, budget.traceback)
    return record


def shorten(text: str, max_bytes: int) -> str:
    """*text* in at most *max_bytes* of UTF-8, head and tail kept, and safe to encode."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= max_bytes:
        return encoded.decode()
    half = max(0, (max_bytes - len(_CUT.encode())) // 2)
    head, tail = encoded[:half], encoded[len(encoded) - half :]
    return head.decode("utf-8", "ignore") + _CUT + tail.decode("utf-8", "ignore")


class _Recorder:
    """One record being made, and how many more children it may have."""

    def __init__(self, limits: Limits, budget: Budget) -> None:
        self._limits, self._budget = limits, budget
        self._children_left = budget.children

    def record(self, error: Exception, depth: int) -> Record:
        """The record of *error*, which is inside *depth* - 1 groups."""
        text = self._budget.text
        record: Record = {
            "type": shorten(qualified_name(type(error)), 256),
            "message": shorten(_safe(str, error), text),
        }
        if self._budget == BUDGETS[-1]:
            return record
        record["class"] = reference(type(error))
        notes = [shorten(note, text) for note in _notes_of(error)]
        if isinstance(error, ExceptionGroup):
            record["message"] = shorten(_safe(str, error.message), text)
            children = self._children_of(error, depth)
            record["children"] = children
            if left_out := len(error.exceptions) - len(children):
                notes.append(f"{left_out} of its exceptions are left out")
        else:
            record["args"] = [self._sendable(argument) for argument in _arguments_of(error)]
            record["state"] = self._state_of(error)
        record["notes"] = notes
        return record

    def _children_of(self, group: ExceptionGroup[Exception], depth: int) -> list[Record]:
        children: list[Record] = []
        for child in group.exceptions if depth < MAX_DEPTH else ():
            if self._children_left <= 0:
                break
            self._children_left -= 1
            children.append(self.record(child, depth + 1))
        return children

    def _state_of(self, error: Exception) -> Record:
        entry = registry.of_class(type(error))
        if entry is None:
            return {}
        state = {name: getattr(error, name, None) for name in entry.fields} or dict(vars(error))
        state.pop("__notes__", None)
        return {name: self._sendable(value) for name, value in state.items()}

    def _sendable(self, value: object) -> object:
        try:
            size = len(encode(value, self._limits))
        except EncodeError:
            size = self._budget.argument + 1
        return value if size <= self._budget.argument else self._described(value)

    def _described(self, value: object) -> str:
        describe = str if isinstance(value, str) else repr
        return shorten(_safe(describe, value), min(self._budget.text, self._budget.argument))


def _arguments_of(error: Exception) -> Sequence[object]:
    if isinstance(error, RemoteError):  # its message is made of its arguments
        return error.type_name, error.message
    if isinstance(error, OSError) and error.filename is not None and len(error.args) == 2:
        names = [_name_of_file(name) for name in (error.filename, error.filename2)]
        return (*error.args, names[0], *((None, names[1]) if names[1] is not None else ()))
    return error.args


def _name_of_file(name: object) -> object:
    return name if isinstance(name, (str, bytes, int)) or name is None else _safe(str, name)


def _notes_of(error: Exception) -> Iterable[str]:
    notes = getattr(error, "__notes__", None)
    return [_safe(str, note) for note in notes[:_MAX_NOTES]] if isinstance(notes, list) else []


def _traceback_of(error: Exception, max_bytes: int) -> str:
    if max_bytes == 0:
        return ""
    try:
        report = traceback.TracebackException.from_exception(error)
        report.__notes__ = None  # they travel by themselves
        return shorten("".join(report.format()), max_bytes)
    except Exception as problem:  # noqa: BLE001 (it calls __str__ and properties of the user)
        return f"(no traceback: {type(problem).__name__} while printing it)"


def _safe(describe: Callable[[object], str], value: object) -> str:
    try:
        text = describe(value)
    except Exception:  # noqa: BLE001 (code of the user, which may raise anything)
        return f"<{qualified_name(type(value))} without a text>"
    return text if type(text) is str else str.__str__(text)
