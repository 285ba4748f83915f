"""Records to exceptions, where the outcome arrives. What a record is: ``failures``."""

from contextlib import suppress

from lionherd_dist import registry
from lionherd_dist.errors import DecodeError, RemoteError, remote_error
from lionherd_dist.natives import blank, note_on, put_attributes
from lionherd_dist.wire.called import failure_note
from lionherd_dist.wire.classes import find, find_all
from lionherd_dist.wire.failures import CONVERTED, MAX_DEPTH
from lionherd_dist.wire.standard import HTTP_ERROR, http_error_from, standard_class

_TOO_DEEP = DecodeError("a failure with groups nested deeper than any is sent")


def error_from(record: object, *, worker: str, attempt: int) -> Exception:
    """The exception that *record* was made of, with a note: by which call, and where.

    Its own class if that is a builtin, one of ours, registered here, or one of the standard library
    whose module is imported here; else a RemoteError that is an instance of what is above it.

    Raises:
        DecodeError: *record* is no such record.
    """
    error = _rebuilt(record, depth=1)
    if not worker:  # this very process made it, in place of an outcome that it refused
        return error
    call = _dict(record, "call")
    packed = call.get("arguments")
    note = failure_note(
        _text(call, "text"),
        packed if isinstance(packed, bytes) else None,
        worker=worker,
        attempt=attempt,
        traceback=_text(record, "traceback"),
    )
    note_on(error, note)
    return error


def _rebuilt(record: object, depth: int) -> Exception:
    if depth > MAX_DEPTH:
        raise _TOO_DEEP
    children = _list(record, "children")
    if children:
        error = _group(record, [_rebuilt(child, depth + 1) for child in children])
    else:
        error = _single(record, depth)
    for note in _list(record, "notes"):
        if type(note) is not str:
            raise DecodeError(f"a note of a failure that is {type(note).__name__}, not str")
        note_on(error, note)
    return error


def _group(record: object, children: list[Exception]) -> Exception:
    message, state = _text(record, "message"), _dict(record, "state")
    for cls in (find(_text(record, "class")), *find_all(_list(record, "bases"))):
        if cls is not None and issubclass(cls, ExceptionGroup):
            with suppress(Exception):  # a class that cannot be made so
                group: Exception = ExceptionGroup.__new__(cls, message, children)
                put_attributes(group, state)
                return group
    return ExceptionGroup(message, children)


def _single(record: object, depth: int) -> Exception:
    type_name, message = _text(record, "type"), _text(record, "message")
    cls, bases = find(_text(record, "class")), find_all(_list(record, "bases"))
    args, state = _list(record, "args"), _dict(record, "state")
    _put_errors(record, args, state, depth)
    if cls is not None and not issubclass(cls, (ExceptionGroup, RemoteError)):
        with suppress(Exception):  # of frm=, or of attributes that the class has not here
            return _restored(cls, args, state)
    if cls is RemoteError and list(map(type, args)) == [str, str]:
        type_name, message = str(args[0]), str(args[1])
    state.pop(CONVERTED, None)  # no attribute, but what frm= could not use
    try:
        return remote_error(type_name, message, bases, state)
    except Exception:  # noqa: BLE001 (attributes of a builtin base that it does not take)
        return RemoteError(type_name, message)


def _put_errors(record: object, args: list[object], state: dict[str, object], depth: int) -> None:
    """Put the exceptions that are arguments or attributes in the place of their texts."""
    for pair in _list(record, "errors"):
        match pair:
            case [int(at), inner] if 0 <= at < len(args):
                args[at] = _rebuilt(inner, depth + 1)
            case [str(name), inner] if name in state:
                state[name] = _rebuilt(inner, depth + 1)
            case _:
                raise DecodeError("a failure with an exception in a place that it does not have")


def _restored(cls: type[Exception], args: list[object], state: dict[str, object]) -> Exception:
    """The exception of *cls* that had these *args* and this *state*; no constructor runs.

    A constructor often takes something else than it passes on to Exception, or changes it.
    """
    entry = registry.of_class(cls)
    converted = entry is not None and entry.frm is not None
    if converted or CONVERTED in state or standard_class(HTTP_ERROR) is cls:
        return _converted(cls, entry, state[CONVERTED])
    error = blank(cls, tuple(args))
    if entry is not None and entry.layout is not None:
        entry.layout.complete(state)
    put_attributes(error, state)
    return error


def _converted(cls: type[Exception], entry: registry.Sendable | None, state: object) -> Exception:
    if entry is None:
        return http_error_from(cls, state)
    error = entry.frm(state) if entry.frm is not None else None
    if type(error) is not cls or not isinstance(error, Exception):
        raise TypeError(f"frm= made a {type(error).__qualname__}")
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
