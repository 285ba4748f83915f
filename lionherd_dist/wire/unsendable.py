"""Why a value cannot be sent: found only after packing failed, for the sake of the message."""

from collections import defaultdict
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import is_dataclass
from enum import Enum
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any
from zoneinfo import ZoneInfo

from lionherd_dist import conversions, registry
from lionherd_dist.wire import kinds

# What its class makes again of its text.
_BY_TEXT = (PurePath, Fraction, IPv4Address, IPv6Address, IPv4Network, IPv6Network, ZoneInfo)
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
        return f"{_name(value)} cannot be sent: {_text_of(error)}"
    return None


def _text_of(error: Exception) -> str:
    name = type(error).__name__
    try:
        text = str(error)[:200]
    except Exception:  # noqa: BLE001 (__str__ of the user may raise anything)
        return f"it raised {name}"
    return text if type(error) is ValueError and text else f"it raised {name}: {text}"


def _advice(value: object) -> str:
    """What to do instead: for the kinds of values that are most often tried, exactly what."""
    cls = type(value)
    if isinstance(value, BaseException):
        return "errors travel when a task raises them, not as values"
    if isinstance(value, Enum):
        return (
            f"put @sendable above the class, or call sendable({_name(value)}) in a module that "
            "both sides import; or send its .value or its .name"
        )
    if isinstance(value, memoryview):
        return "send bytes(view)"
    if isinstance(value, (type, FunctionType, BuiltinFunctionType, MethodType)):
        return "code does not travel: send a name, and look it up in the task"
    if isinstance(value, (Iterator, range, KeysView, ValuesView, ItemsView)):
        return "send list(...) of it"
    if is_dataclass(value):
        return "put @sendable above its @dataclass"
    if conversions.is_model(cls):
        name = "" if cls.__qualname__.isidentifier() else ', name="..."'
        return f"put @sendable above the model, or call sendable({_name(value)}{name})"
    return _advice_by_shape(value)


def _advice_by_shape(value: object) -> str:
    cls = type(value)
    name = _name(value)
    if isinstance(value, _BY_TEXT):
        return f"send str(...) of it, or register it: {_call(name, 'str', name)}"
    if cls.__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        return _advice_for_numpy(value, name)
    if hasattr(cls, "__attrs_attrs__"):
        whole = "lambda it: attrs.asdict(it, recurse=False)"
        return f"register it: {_call(name, whole, f'lambda fields: {name}(**fields)')}"
    if isinstance(value, tuple) and hasattr(cls, "_make"):
        return f"send a plain tuple, or register it: {_call(name, 'tuple', f'{name}._make')}"
    for plain in (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset):
        if isinstance(value, plain):
            again = "..." if isinstance(value, defaultdict) else name
            return (
                f"subclasses would lose their type: send a plain {plain.__name__}, or register it: "
                f"{_call(name, plain.__name__, again)}"
            )
    return (
        "send plain values, make its class a dataclass with @sendable, or register it: "
        f"{_call(name, '...', '...')}, where to= makes plain values of it"
    )


def _advice_for_numpy(value: Any, name: str) -> str:
    kind = value.dtype.kind
    if kind in "OV":  # objects, and records, whose bytes say nothing
        return f"send value.tolist(), or register it: {_call(name, '...', '...')}"
    if value.shape:
        whole = "lambda a: (a.dtype.str, a.shape, a.tobytes())"
        again = "lambda s: numpy.frombuffer(s[2], s[0]).reshape(s[1]).copy()"
        return f"send value.tolist(), or register it: {_call(name, whole, again)}"
    if kind not in "mM" and kinds.travels(type(value.item())):
        return f"send value.item(), or register it: {_call(name, f'{name}.item', name)}"
    again = "lambda s: numpy.frombuffer(s[1], s[0])[0]"
    return f"register it: {_call(name, 'lambda v: (v.dtype.str, v.tobytes())', again)}"


def _call(name: str, to: str, frm: str) -> str:
    return f"sendable({name}, to={to}, frm={frm})"


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
        if entry.layout is not None:
            state = entry.layout.state_of(value)
            yield from ((f".{name}", member) for name, member in state.items())
        elif entry.to is not None:
            yield "", entry.to(value)  # the path says where in what to= gave


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
