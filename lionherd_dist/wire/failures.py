"""Exceptions to plain records, on the worker.

A record is a dict of plain values:

    type       the qualified name of the class, for people: httpx.ReadTimeout
    class      what the class is called on the wire, or None: see ``classes``
    bases      what the nearest classes above it are called; left out where there are none
    message    str(error)
    args       its args; strings in place of what cannot be sent
    state      the attributes that do not follow from its args; strings in place of what cannot be
               sent. Of a class without a name on the wire, those that can be sent, all of them.
               Of one that is registered with to=, what that gave, under ``CONVERTED``
    errors     [place, record] of each argument and attribute that is an exception; the place is
               the index of the argument, or the name; left out where there is none
    notes      the notes it already had, and one for each string in place of something else
    traceback  as Python prints it, with causes and contexts; the outermost exception only
    children   the records of an ExceptionGroup
    call       the call that failed, see ``called``; the outermost exception only

How it becomes an exception again is in ``rebuilding``.
"""

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lionherd_dist import registry
from lionherd_dist.errors import EncodeError, RemoteError
from lionherd_dist.natives import attributes_of, blank, has_natives, native_attributes
from lionherd_dist.wire.classes import bases, qualified_name, reference
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.standard import state_of_http_error
from lionherd_dist.wire.values import encode_parts

Record: TypeAlias = dict[str, object]

MAX_DEPTH = 5  # groups inside each other; what is deeper is one record with a text
_MAX_CHILDREN = 100  # in all groups of one record together
_MAX_NOTES = 10
_CUT = "\n… cut here …\n"
CONVERTED = "<to>"  # no attribute is called so


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
            "type": shorten(_type_name(error), 256),
            "message": shorten(_safe(str, error), text),
        }
        if above := bases(type(error)):
            record["bases"] = above
        if self._budget == BUDGETS[-1]:
            return record
        record["class"] = reference(_class_of(error))
        notes = [shorten(note, text) for note in _notes_of(error)]
        if isinstance(error, ExceptionGroup):
            record["message"] = shorten(_safe(str, error.message), text)
            children = self._children_of(error, depth)
            record["children"] = children
            if record["class"] is not None and (state := _vars_of(error)):
                record["state"] = self._sent_state(state, notes)
            if left_out := len(error.exceptions) - len(children):
                notes.append(f"{left_out} of its exceptions are left out")
        else:
            notes += self._add_values(record, error, depth)
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

    def _add_values(self, record: Record, error: Exception, depth: int) -> list[str]:
        """Add args and state to *record*; the notes that say what of them is text now."""
        notes: list[str] = []
        parts = _parts_of(error)
        if parts is None:
            record["class"] = None
        args, state = parts or ([], {})
        self._take_errors_out(record, args, state, depth)
        record["args"] = [self._sent(arg, f"args[{at}]", notes) for at, arg in enumerate(args)]
        record["state"] = self._sent_state(state, notes)
        if CONVERTED in state and notes:  # frm= is given what to= gave, or nothing
            record["class"] = None
        if record["class"] is None or isinstance(error, RemoteError):
            sendable = {key: one for key, one in state.items() if not self._refused(one)}
            record["args"], record["state"], notes = args, sendable, []
        return notes

    def _take_errors_out(
        self, record: Record, args: list[object], state: Record, depth: int
    ) -> None:
        """Add the records of exceptions in *args* and *state*, and put their text there instead."""
        found: list[list[object]] = []
        places: list[tuple[Any, Any]] = [(args, at) for at in range(len(args))]
        places += [(state, name) for name in state]
        for holder, place in places:
            value = holder[place]
            if isinstance(value, Exception) and depth < MAX_DEPTH and self._children_left > 0:
                self._children_left -= 1
                found.append([place, self.record(value, depth + 1)])
                holder[place] = shorten(_safe(repr, value), self._budget.text)
        if found:
            record["errors"] = found

    def _sent_state(self, state: Record, notes: list[str]) -> Record:
        return {name: self._sent(value, f".{name}", notes) for name, value in state.items()}

    def _sent(self, value: object, path: str, notes: list[str]) -> object:
        reason = self._refused(value, path)
        if not reason:
            return value
        notes.append(shorten(f"{reason}. It arrives as text", min(self._budget.text, 512)))
        describe = str if isinstance(value, str) else repr
        return shorten(_safe(describe, value), min(self._budget.text, self._budget.argument))

    def _refused(self, value: object, path: str = "value") -> str:
        """Why *value* is not sent as it is; empty if it is."""
        try:
            size = len(encode_parts(value, {path: value}, self._limits))
        except EncodeError as error:
            return str(error)
        most = self._budget.argument
        return "" if size <= most else f"{path}: {size} bytes, and there is room for {most}"


def _class_of(error: Exception) -> type[Exception]:
    """Its class; RemoteError for that with more bases, which it gets again where it arrives."""
    return RemoteError if isinstance(error, RemoteError) else type(error)


def _type_name(error: Exception) -> str:
    return qualified_name(_class_of(error))


def _parts_of(error: Exception) -> tuple[list[object], Record] | None:
    """What *error* is made of again: its args and its state; None where reading them fails."""
    try:
        if isinstance(error, RemoteError):
            return [error.type_name, error.message], attributes_of(error)
        if reference(type(error)) is None:
            return [], attributes_of(error)
        entry = registry.of_class(type(error))
        if entry is not None and entry.to is not None:
            return [], {CONVERTED: entry.to(error)}
        if (response := state_of_http_error(error)) is not None:
            return [], {CONVERTED: response}
        args = list(_arguments_of(error))
        return args, _vars_of(error) | _natives_beyond(error, args)
    except Exception:  # noqa: BLE001 (properties, to= and comparisons: code of the user)
        return None


def _vars_of(error: Exception) -> Record:
    return {name: value for name, value in vars(error).items() if name != "__notes__"}


def _natives_beyond(error: Exception, args: list[object]) -> Record:
    """The attributes outside of ``vars`` that do not follow from *args* where it is made again."""
    if not has_natives(type(error)):
        return {}
    held = native_attributes(error)
    made = native_attributes(blank(type(error), tuple(args)))
    if held == made:
        return {}
    return {name: held.get(name) for name in held | made if held.get(name) != made.get(name)}


def _arguments_of(error: Exception) -> Sequence[object]:
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
