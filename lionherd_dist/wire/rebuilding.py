"""Records to exceptions, where the outcome arrives. What a record is: ``failures``."""

from contextlib import suppress

from lionherd_dist import registry
from lionherd_dist.errors import DecodeError, RemoteError
from lionherd_dist.wire.called import failure_note
from lionherd_dist.wire.classes import find
from lionherd_dist.wire.failures import MAX_DEPTH

_TOO_DEEP = DecodeError("a failure with groups nested deeper than any is sent")


def error_from(record: object, *, worker: str, attempt: int) -> Exception:
    """The exception that *record* was made of, with a note: by which call, and where.

    Its own class if that is a builtin, one of ours, or registered here; else a RemoteError.

    Raises:
        DecodeError: *record* is no such record.
    """
    error = _rebuilt(record, depth=1)
    if not worker:  # this very process made it, in place of an outcome that it refused
        return error
    call = _dict(record, "call")
    packed = call.get("arguments")
    error.add_note(
        failure_note(
            _text(call, "text"),
            packed if isinstance(packed, bytes) else None,
            worker=worker,
            attempt=attempt,
            traceback=_text(record, "traceback"),
        )
    )
    return error


def _rebuilt(record: object, depth: int) -> Exception:
    if depth > MAX_DEPTH:
        raise _TOO_DEEP
    children = _list(record, "children")
    if children:
        error = _group(record, [_rebuilt(child, depth + 1) for child in children])
    else:
        error = _single(record)
    for note in _list(record, "notes"):
        if type(note) is not str:
            raise DecodeError(f"a note of a failure that is {type(note).__name__}, not str")
        error.add_note(note)
    return error


def _group(record: object, children: list[Exception]) -> Exception:
    cls = find(_text(record, "class"))
    message = _text(record, "message")
    if cls is not None and issubclass(cls, ExceptionGroup):
        with suppress(Exception):  # of a constructor of the user
            return cls(message, children)
    return ExceptionGroup(message, children)


def _single(record: object) -> Exception:
    remote = RemoteError(_text(record, "type"), _text(record, "message"))
    cls = find(_text(record, "class"))
    if cls is None or issubclass(cls, ExceptionGroup):
        return remote
    args, state = _list(record, "args"), _dict(record, "state")
    entry = registry.of_class(cls)
    try:
        if entry is None:
            return cls(*args)
        return _registered(entry, args, state)
    except Exception:  # noqa: BLE001 (its constructor wants something else, or is the user's)
        return remote


def _registered(
    entry: registry.Sendable, args: list[object], state: dict[str, object]
) -> Exception:
    """An exception of the user: by its fields, by its arguments, or without its constructor.

    A constructor often takes something else than it passes on to Exception; then what it was
    given is unknown, and what it left behind is put back as it was.
    """
    cls: type[Exception] = entry.cls
    if entry.fields:
        error = cls(**state)
        error.args = tuple(args)
        return error
    try:
        error = cls(*args)
    except Exception:  # noqa: BLE001 (see above)
        error = cls.__new__(cls, *args)
    error.args = tuple(args)
    vars(error).update(state)
    return error


def _text(record: object, key: str) -> str:
    value = _field(record, key)
    if value is None:
        return ""
    if type(value) is not str:
        raise DecodeError(f"a failure whose {key} is {type(value).__name__}, not str")
    return value


def _list(record: object, key: str) -> list[object]:
    value = _field(record, key)
    if value is None:
        return []
    if type(value) is not list:
        raise DecodeError(f"a failure whose {key} is {type(value).__name__}, not list")
    return value


def _dict(record: object, key: str) -> dict[str, object]:
    value = _field(record, key)
    if value is None:
        return {}
    if type(value) is not dict or not all(type(name) is str for name in value):
        raise DecodeError(f"a failure whose {key} is {type(value).__name__}, not dict of names")
    return value


def _field(record: object, key: str) -> object:
    if type(record) is not dict:
        raise DecodeError(f"a failure that is {type(record).__name__}, not dict")
    return record.get(key)
