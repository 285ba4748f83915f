"""Why a value cannot be sent: found only after packing failed, for the sake of the message."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

from lionherd_dist import registry
from lionherd_dist.wire import kinds

_SHOWN = 60  # characters of a dict's key in a path


def reason(parts: Mapping[str, object], max_depth: int) -> str | None:
    """``args[0]['when']: a complex128 cannot be sent: …`` for the first value that cannot.

    *parts* are the roots of the paths, by the names they are shown under. None if every part
    could be sent.
    """
    checked: set[int] = set()
    for path, value in parts.items():
        found = _first(value, path, (), checked, max_depth)
        if found is not None:
            return found
    return None


def _first(
    value: object, path: str, above: tuple[int, ...], checked: set[int], max_depth: int
) -> str | None:
    problem = _own_problem(value)
    if problem is not None:
        return f"{path}: {problem}"
    if id(value) in above:
        return f"{path}: {_name(value)} that holds itself cannot be sent: break the circle"
    if id(value) in checked or len(above) > max_depth:
        return None
    for step, member in _members(value):
        found = _first(member, path + step, (*above, id(value)), checked, max_depth)
        if found is not None:
            return found
    if not isinstance(value, (str, int, float)):  # their ids are soon another's
        checked.add(id(value))
    return None


def _own_problem(value: object) -> str | None:
    cls = type(value)
    if isinstance(value, str) and cls is str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            return (
                f"a str with a lone surrogate at {error.start} cannot be sent: send bytes instead"
            )
        return None
    entry = registry.of_class(cls)
    if entry is not None and kinds.is_of_main(entry):
        return (
            f"{_name(value)} cannot be sent: its class is defined in the program itself, which "
            "has no file that a worker could import. Move the class to a module"
        )
    if not kinds.travels(cls):
        return f"{_name(value)} cannot be sent: {_advice(value)}"
    if cls in kinds.PLAIN or cls in {list, dict}:
        return None
    try:
        kinds.rewrite(value)
    except Exception as error:  # noqa: BLE001 (a tzinfo, a property: code of the user)
        return f"{_name(value)} cannot be read: it raised {type(error).__name__}"
    return None


def _advice(value: object) -> str:
    if isinstance(value, Enum):
        return "send its .value or its .name"
    if isinstance(value, PurePath):
        return "send str(path)"
    if isinstance(value, memoryview):
        return "send bytes(view)"
    if isinstance(value, BaseException):
        return "errors travel when a task raises them, not as values"
    if is_dataclass(value):
        return "put @sendable above its @dataclass"
    for plain in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset):
        if isinstance(value, plain):
            return f"subclasses would lose their type; send a plain {plain.__name__}"
    return "send plain values, or make it a dataclass with @sendable"


def _members(value: Any) -> Iterator[tuple[str, object]]:
    cls = type(value)
    if cls is dict:
        for key, member in value.items():
            step = f"[{_shown(key)}]"
            yield f"{step} as a key", key
            yield step, member
    elif cls in {list, tuple}:
        yield from ((f"[{index}]", member) for index, member in enumerate(value))
    elif cls in {set, frozenset}:
        yield from ((".item", member) for member in value)
    elif entry := registry.of_class(cls):
        yield from ((f".{field}", getattr(value, field)) for field in entry.fields)


def _shown(key: object) -> str:
    try:
        text = repr(key)
    except Exception:  # noqa: BLE001 (a __repr__ of the user may raise anything)
        text = f"<{_name(key)}>"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _name(value: object) -> str:
    cls = type(value)
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )
