"""Any value that a task may return, as JSON.

What JSON has is itself, and tuples are lists. The rest becomes what its readers will make most of:

    bytes, bytearray         text in Base64
    datetime, date, time     text in ISO 8601
    timedelta                seconds
    set, frozenset           a list, sorted if its members can be
    Decimal, UUID            text, so that no digit is lost
    complex                  [real, imaginary]
    a dataclass              an object of its fields
    NaN, infinities          text: "nan", "inf", "-inf"
    keys that are no text    their JSON as text: (1, 2) is "[1, 2]"
    integers of thousands of digits, and anything else: text
"""

import base64
import dataclasses
import json
import math
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta


def as_json(value: object) -> str:
    """*value* in one line of JSON; never raises for a value that came over the wire.

    Text is readable, and what is no sign is escaped, as ``printable`` has it: control characters,
    marks that change the direction of writing, half surrogate pairs.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):  # something in it that JSON has not
        text = json.dumps(plain(value), ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(sign: str) -> str:
    return sign if sign.isprintable() else json.dumps(sign)[1:-1]


def plain(value: object) -> object:
    """*value* with everything in it turned into what JSON has."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return _whole(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case dict():
            return {_key(key): plain(member) for key, member in value.items()}
        case list() | tuple():
            return [plain(member) for member in value]
        case set() | frozenset():
            return [plain(member) for member in _in_order(value)]
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case complex():
            return [plain(value.real), plain(value.imag)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    return str(value)


def _whole(value: int) -> int | str:
    try:
        str(value)
    except ValueError:  # more digits than the interpreter writes, see sys.set_int_max_str_digits
        return hex(value)
    return value


def _key(key: object) -> str:
    made = plain(key)
    return made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)


def _in_order(members: Iterable[object]) -> list[object]:
    listed = list(members)
    try:
        return sorted(listed)  # type: ignore[type-var]  # what cannot be compared raises
    except TypeError:
        return sorted(listed, key=lambda member: (type(member).__name__, repr(member)))
