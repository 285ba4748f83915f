"""The closed list of types that are not msgpack's own, and how each is written.

A scalar is an extension: a code and its bytes. A container is a list whose first item is a mark,
an extension too, so that nesting stays msgpack's own business: no payload inside a payload, no
recursion here, and depth is counted in one place. A value of the user cannot be mistaken for
either, because extensions are made here only.
"""

import struct
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from lionherd_dist import registry
from lionherd_dist.wire import moments
from lionherd_dist.wire.packer import Extension

MARK = 1  # the codes are the wire format: never change one, never use one again
_BIG_INT, _DECIMAL, _COMPLEX, _DATETIME, _DATE, _TIME, _TIMEDELTA, _UUID, _BYTEARRAY = range(2, 11)

MARK_BYTES = b"\xd4\x01"  # how every mark begins: an extension of one byte with the code MARK
_TUPLE, _SET, _FROZENSET, _DATACLASS, _CONVERTED = b"tsfdc"  # the one byte

PLAIN: frozenset[type] = frozenset({type(None), bool, int, float, str, bytes})
AS_IS: frozenset[type] = PLAIN | {list, Extension}  # neither rewritten nor a dict

_TWO_DOUBLES = struct.Struct(">dd")
_SPAN = struct.Struct(">iII")  # days, seconds, microseconds


def _big_int(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _span(value: timedelta) -> bytes:
    return _SPAN.pack(value.days, value.seconds, value.microseconds)


def _marked(mark: int) -> Callable[[Any], list[object]]:
    first = Extension(MARK, bytes([mark]))
    return lambda items: [first, *items]


def _extension(code: int, data_of: Callable[[Any], bytes]) -> Callable[[Any], object]:
    return lambda value: Extension(code, data_of(value))


# msgpack asks for an int only where it needs more than 64 bits.
_WRITERS: dict[type, Callable[[Any], object]] = {
    tuple: _marked(_TUPLE),
    set: _marked(_SET),
    frozenset: _marked(_FROZENSET),
    int: _extension(_BIG_INT, _big_int),
    Decimal: _extension(_DECIMAL, lambda value: str(value).encode()),
    complex: _extension(_COMPLEX, lambda value: _TWO_DOUBLES.pack(value.real, value.imag)),
    datetime: _extension(_DATETIME, lambda value: moments.text_of(value).encode()),
    date: _extension(_DATE, lambda value: value.isoformat().encode()),
    time: _extension(_TIME, lambda value: moments.text_of(value).encode()),
    timedelta: _extension(_TIMEDELTA, _span),
    UUID: _extension(_UUID, lambda value: value.bytes),
    bytearray: _extension(_BYTEARRAY, bytes),
}
_DATACLASS_MARK = Extension(MARK, bytes([_DATACLASS]))
_write_converted = _marked(_CONVERTED)

_READERS: dict[int, Callable[[bytes], object]] = {
    _BIG_INT: lambda data: int.from_bytes(data, "big", signed=True),
    _DECIMAL: lambda data: Decimal(data.decode()),
    _COMPLEX: lambda data: complex(*_TWO_DOUBLES.unpack(data)),
    _DATETIME: lambda data: moments.datetime_from(data.decode()),
    _DATE: lambda data: date.fromisoformat(data.decode()),
    _TIME: lambda data: moments.time_from(data.decode()),
    _TIMEDELTA: lambda data: timedelta(*_SPAN.unpack(data)),
    _UUID: lambda data: UUID(bytes=data),
    _BYTEARRAY: bytearray,
}


def travels(cls: type) -> bool:
    """True if values of exactly this class can be sent, given that what they hold can."""
    entry = registry.of_class(cls)
    return cls in PLAIN or cls in _WRITERS or cls in {list, dict} or bool(entry and is_data(entry))


def is_data(entry: registry.Sendable) -> bool:
    """True for what is sent as a value; False for an exception, which travels as a failure."""
    return not issubclass(entry.cls, Exception)


def is_of_main(entry: registry.Sendable) -> bool:
    """True for a class of a program without a file, which no other process can import."""
    return entry.name.startswith("__main__:")


def members_of(value: Any) -> Collection[object]:
    """What a container or an instance holds, without a dict's keys; nothing for a scalar."""
    cls = type(value)
    if cls in {list, tuple, set, frozenset}:
        return cast("Collection[object]", value)
    if cls is dict:
        return cast("Collection[object]", value.values())
    entry = registry.of_class(cls)
    if entry is None:
        return ()
    if entry.layout is not None:
        return entry.layout.state_of(value).values()
    return [entry.to(value)] if entry.to is not None else ()


def rewrite(value: object) -> object:
    """*value* as an extension or a marked list. Raises TypeError if its class does not travel."""
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    entry = registry.of_class(type(value))
    if entry is None or not is_data(entry) or is_of_main(entry):
        raise TypeError(f"{type(value).__qualname__} does not travel")
    if entry.layout is not None:
        items: list[object] = [_DATACLASS_MARK, entry.name]
        for pair in entry.layout.state_of(value).items():
            items += pair
        return items
    if entry.to is not None:
        return _write_converted([entry.name, entry.to(value)])
    raise TypeError(f"{entry.name} is registered without a way to take it apart")


def scalar(code: int, data: bytes) -> object:
    """The scalar that was written as *code* and *data*. Raises ValueError for an unknown code."""
    read = _READERS.get(code)
    if read is None:
        raise ValueError(f"an extension of type {code}, which is none of ours")
    return read(data)


MOST_UNCHECKED = 256  # members, of which each may be compared with all others before it
MOST_ALIKE = 128  # hashes that are the hash of another member, of what is larger
_HASHED_AT_RANDOM: frozenset[type] = frozenset({str, bytes})  # nobody can choose what is alike


def _check_hashes(members: Collection[object]) -> None:
    """Raise ValueError where so many hashes are alike that a table of them takes for ever.

    Numbers, times and what holds them have hashes that anybody can work out.
    """
    if len(members) > MOST_UNCHECKED and not set(map(type, members)) <= _HASHED_AT_RANDOM:
        alike = len(members) - len(set(map(hash, members)))
        if alike > MOST_ALIKE:
            raise ValueError(f"a set or dict of {len(members)} members, {alike} of one hash")


def dict_of(pairs: list[tuple[Any, Any]]) -> dict[object, object]:
    """The dict of *pairs*, of which anybody may have chosen the keys."""
    if len(pairs) > MOST_UNCHECKED:
        _check_hashes([key for key, _ in pairs])
    return dict(pairs)


class Mark:
    """The first item of a list that stands for something else, while it is being read."""

    kind: int

    __slots__ = ("kind",)

    def __init__(self, kind: int) -> None:
        self.kind = kind


class Rebuilder:
    """Turns marked lists back into containers, within one message that has marks.

    It counts: a mark that is not the first item of a list would otherwise stay in the value.
    """

    def __init__(self) -> None:
        self._pending = 0

    def extension(self, code: int, data: bytes) -> object:
        """A scalar, or a mark that the list around it is waiting for."""
        if code != MARK or len(data) != 1:
            return scalar(code, data)
        self._pending += 1
        return Mark(data[0])

    def list_or_container(self, items: list[Any]) -> object:
        """The container that *items* are marked as; *items* themselves if they are not."""
        if not items or type(items[0]) is not Mark:
            return items
        self._pending -= 1
        kind, members = items[0].kind, items[1:]
        if kind == _TUPLE:
            return tuple(members)
        if kind in {_SET, _FROZENSET}:
            _check_hashes(members)
        if kind == _SET:
            return set(members)
        if kind == _FROZENSET:
            return frozenset(members)
        if kind == _DATACLASS:
            return _dataclass_from(members)
        if kind == _CONVERTED:
            return _converted_from(members)
        raise ValueError(f"a container of kind {kind}, which is none of ours")

    def finish(self) -> None:
        """Raise ValueError if a mark stood where none belongs."""
        if self._pending:
            raise ValueError("a mark outside the first place of a list")


def _dataclass_from(members: list[Any]) -> object:
    layout = _entry_called(members[0]).layout
    if layout is None:
        raise ValueError(f"{members[0]} with fields, and it is no dataclass here")
    return layout.make(members[1::2], members[2::2])


def _converted_from(members: list[Any]) -> object:
    name, given = members
    entry = _entry_called(name)
    if entry.frm is None:
        raise ValueError(f"{name} as one value, and it is a dataclass here")
    value = entry.frm(given)
    if type(value) is not entry.cls:
        raise ValueError(f"frm= of {name} made a {type(value).__qualname__} of what arrived")
    return value


def _entry_called(name: object) -> registry.Sendable:
    entry = registry.of_name(name) if type(name) is str else None
    if entry is None or not is_data(entry):
        raise ValueError(
            f"the class {name[:200] if type(name) is str else type(name)!r} is not registered "
            "here: import the module that has it, with @sendable above it"
        )
    return entry
