"""The call that failed, as it goes with its failure: its task, and arguments small enough to show.

In the record of a failure, under "call", stands a dict:

    task       the name of the task
    text       the call as a person reads it, shortened: my_tasks:fetch('http://…', depth=2)
    arguments  the arguments and the keyword arguments, packed; None where they are large

They are packed apart, because a reader of the failure may not know the classes in them.
"""

import reprlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from lionherd_dist.call import Message
from lionherd_dist.errors import DecodeError, EncodeError
from lionherd_dist.wire.limits import DEFAULT_LIMITS
from lionherd_dist.wire.values import decode, encode

MOST_TEXT = 500  # characters of a call as text
MOST_ARGUMENTS = 1024  # bytes that arguments may have to go with a failure

Arguments: TypeAlias = tuple[Sequence[object], Mapping[str, object]]


class FailureNote(str):
    """The note of a failure that says which call failed, and where; its parts by name.

    Attributes:
        called: the call as text, shortened; "" where it is not known.
        packed: its arguments, packed; None where they are large or not known.
        worker: the worker that raised the failure; "" if no worker did.
        attempt: which attempt it was, from 1; 0 if no worker made one.
        traceback: the traceback on the worker, as Python prints it; "" if there is none.
    """

    __slots__ = ("attempt", "called", "packed", "traceback", "worker")

    called: str
    packed: bytes | None
    worker: str
    attempt: int
    traceback: str

    @property
    def arguments(self) -> Arguments | None:
        """The arguments; None where they are large, or of classes not registered here."""
        if self.packed is None:
            return None
        try:
            unpacked = decode(self.packed, DEFAULT_LIMITS)
        except DecodeError:
            return None
        match unpacked:
            case [list(args), dict(kwargs)]:
                return args, kwargs
        return None


def failure_note(
    called: str,
    packed: bytes | None = None,
    *,
    worker: str = "",
    attempt: int = 0,
    traceback: str = "",
) -> FailureNote:
    """The note, in whole sentences and with the parts from which they are made."""
    text = f"Raised on worker {worker}, attempt {attempt}" if worker else "Not sent to a worker"
    if called:
        text += f", by {called}"
    if traceback:
        text += f":\n{traceback.rstrip()}"
    note = FailureNote(text)
    note.called, note.packed = called, packed
    note.worker, note.attempt, note.traceback = worker, attempt, traceback
    return note


def note_of(error: BaseException) -> FailureNote | None:
    """The note that says which call *error* ended, if there is one; the last one counts."""
    notes = getattr(error, "__notes__", ())
    return next((note for note in reversed(notes) if isinstance(note, FailureNote)), None)


def called_record(call: Message) -> dict[str, object]:
    """*call* as the record of its failure has it. Never raises."""
    text = call_text(call.task, call.args, call.kwargs)
    return {"task": call.task, "text": text, "arguments": packed_arguments(call.args, call.kwargs)}


def packed_arguments(args: Sequence[object], kwargs: Mapping[str, object]) -> bytes | None:
    """The arguments packed, if they can be and are few bytes."""
    try:
        packed = encode([list(args), dict(kwargs)], DEFAULT_LIMITS)
    except EncodeError:
        return None
    return packed if len(packed) <= MOST_ARGUMENTS else None


def call_text(task: str, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """The call of *task* as a person reads it, shortened. Never raises."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = MOST_TEXT // 2
    short.maxlong = 80
    try:
        shown = [short.repr(value) for value in args]
        shown += [f"{name}={short.repr(value)}" for name, value in kwargs.items()]
    except Exception:  # noqa: BLE001 (__repr__ of the user, which may raise anything)
        shown = ["…"]
    text = f"{task}({', '.join(shown)})"
    safe = text.encode("utf-8", "backslashreplace").decode()
    return safe if len(safe) <= MOST_TEXT else f"{safe[: MOST_TEXT - 2]}…)"
