"""A dead letter as a row of a table, in full, and as a JSON object."""

from dataclasses import dataclass

from lionherd_dist.call import Failure, Message
from lionherd_dist.cli.outcomes import Failed, failure_of
from lionherd_dist.cli.plain import as_json, plain
from lionherd_dist.cli.sheets import Sheet
from lionherd_dist.errors import DecodeError
from lionherd_dist.printable import span
from lionherd_dist.store.letters import Letter
from lionherd_dist.wire.messages import decode_call, decode_outcome
from lionherd_dist.wire.signing import unsigned

COLUMNS = ("letter", ">age", "job", ">call", "task", "error", "message")

MOST_IN_FULL = 4_000  # characters of a line, where one letter is shown


@dataclass(frozen=True, slots=True)
class Opened:
    """A letter, read as far as it can be.

    Args:
        call: None if its bytes are no call that this process can read.
        unreadable: why.
        failed: what its client was told.
        notes: what stood beside the error: the worker, the attempt, the traceback there.
    """

    letter: Letter
    call: Message | None
    unreadable: str
    failed: Failed
    notes: tuple[str, ...]

    @property
    def task(self) -> str:
        """The name of the task, or what is known instead."""
        return self.call.task if self.call else "unreadable"


def opened(letter: Letter) -> Opened:
    """*letter*, read; never raises, whatever it holds."""
    if not letter.job:
        failed = Failed("", f"an entry that never was a call, with {len(letter.raw)} fields")
        return Opened(letter, None, "it never was a call", failed, ())
    call, unreadable = None, ""
    try:
        call = decode_call(unsigned(letter.payload))
    except DecodeError as error:
        unreadable = str(error)
    return Opened(letter, call, unreadable, *_failure(letter.outcome))


def _failure(outcome: bytes) -> tuple[Failed, tuple[str, ...]]:
    try:
        found = decode_outcome(unsigned(outcome))
    except DecodeError as error:
        return Failed("", f"its outcome cannot be read: {error}"), ()
    if not isinstance(found, Failure):
        return Failed("", "its outcome is no failure"), ()
    return failure_of(found.error), tuple(getattr(found.error, "__notes__", ()))


def letters_sheet(letters: list[Opened], count: int, now_ms: int) -> Sheet:
    """The table of *letters*, which are some of *count*."""
    rows = [
        (
            *(one.letter.id, span(max(0, now_ms - one.letter.buried_ms) / 1000), one.letter.job),
            *(str(one.letter.index), one.task, one.failed.type_name, one.failed.message),
        )
        for one in letters
    ]
    note = "" if rows else "none"
    if 0 < len(rows) < count:
        note = f"--before {letters[-1].letter.id} lists older ones"
    return Sheet(f"dead letters ({count:,})", COLUMNS, rows, note)


def letter_sheet(one: Opened, now_ms: int) -> Sheet:
    """All that *one* says."""
    letter = one.letter
    age = span(max(0, now_ms - letter.buried_ms) / 1000)
    rows = [("buried", f"{age} ago"), ("job", letter.job), ("call", str(letter.index))]
    rows += [("attempt", str(letter.attempt)), ("deaths", str(letter.deaths)), ("task", one.task)]
    if one.call is None:
        rows.append(("unreadable", one.unreadable))
        rows.append(("bytes", f"{len(letter.payload):,}"))
    else:
        rows += [("argument", as_json(value)) for value in one.call.args]
        rows += [(f"argument {name}", as_json(value)) for name, value in one.call.kwargs.items()]
    rows += [("error", one.failed.type_name), ("message", one.failed.message)]
    rows += [("note", line) for note in one.notes for line in note.splitlines()]
    rows += [("field", repr(field)) for field in letter.raw]
    return Sheet(f"dead letter {letter.id}", ("", ""), rows, most=MOST_IN_FULL)


def letter_object(one: Opened) -> dict[str, object]:
    """*one* as JSON has it; its fields are described in docs/commands.md."""
    letter, call = one.letter, one.call
    return {
        **{name: getattr(letter, name) for name in ("id", "buried_ms", "job", "index")},
        **{name: getattr(letter, name) for name in ("attempt", "deaths")},
        "task": call.task if call else None,
        "args": plain(call.args) if call else None,
        "kwargs": plain(dict(call.kwargs)) if call else None,
        "unreadable": one.unreadable or None,
        "error": {"type": one.failed.type_name, "message": one.failed.message},
        "notes": list(one.notes),
    }
