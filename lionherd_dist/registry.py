"""The allow-list: which classes of the user may travel, and the names they travel under."""

import re
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, overload
from uuid import UUID

from lionherd_dist.conversions import (
    dump_of,
    is_like_a_model,
    is_model,
    member_name,
    member_of,
    model_from,
    models_in,
    state_of_model,
    validated_as,
)
from lionherd_dist.layout import Layout, layout_of
from lionherd_dist.main_module import MAIN, shared_module_name

T = TypeVar("T")
S = TypeVar("S")

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")

# What travels by itself. Builtin values are packed before anybody asks for an entry of theirs.
BUILTIN: frozenset[type] = frozenset(
    {type(None), bool, int, float, complex, str, bytes, bytearray, memoryview}
    | {list, tuple, set, frozenset, dict, datetime, date, time, timedelta, Decimal, UUID}
)


@dataclass(frozen=True, slots=True)
class Sendable:
    """A class that may travel.

    Attributes:
        name: what it is called on the wire.
        cls: the class.
        layout: the attributes of a dataclass, which it travels by; None for any other class.
        to: what makes of an instance a value that can be sent; None for dataclasses, and for
            exceptions that travel by their attributes.
        frm: what makes the instance of that value.
    """

    name: str
    cls: type
    layout: Layout | None = None
    to: Callable[[Any], object] | None = None
    frm: Callable[[Any], object] | None = None


# The one deliberate state of a module in this package. Classes are registered where they are
# defined, by import, like the classes themselves; and the wire must find a class by its name
# without ever importing what a message says. Entries are only added.
_by_name: dict[str, Sendable] = {}
_by_class: dict[type, Sendable] = {}
_unsearched: list[type] = []  # models, which bring the models with them that their fields may hold


@overload
def sendable(cls: type[T], /, *, name: str | None = None) -> type[T]: ...
@overload
def sendable(
    cls: type[T], /, *, to: Callable[[T], S], frm: Callable[[S], T], name: str | None = None
) -> type[T]: ...
@overload
def sendable(*, name: str | None = None) -> Callable[[type[T]], type[T]]: ...
@overload
def sendable(
    *, to: Callable[[T], S], frm: Callable[[S], T], name: str | None = None
) -> Callable[[type[T]], type[T]]: ...
def sendable(
    cls: type[T] | None = None,
    /,
    *,
    to: Callable[[Any], object] | None = None,
    frm: Callable[[Any], object] | None = None,
    name: str | None = None,
) -> type[T] | Callable[[type[T]], type[T]]:
    """Let the instances of a class travel between processes.

    Every process must have imported the module that registers the class. A class that is not yours
    is registered by a call: ``sendable(httpx.ReadTimeout)``. ``docs/values.md`` says how instances
    arrive.

    Args:
        cls: a dataclass (put ``@sendable`` above ``@dataclass``), an Enum, a subclass of Exception,
            a model of pydantic 2, another class with its ``model_dump`` and ``model_validate``, or,
            with *to* and *frm*, any class. Instances of a subclass need a ``sendable`` of their
            own.
        to: what makes of an instance a value that can be sent.
        frm: what makes the instance again, of what *to* gave. It is called with whatever arrived.
        name: what it is called on the wire; ``module:qualified_name`` unless given.

    Raises:
        TypeError: it is none of these, or a dataclass that is more than its attributes.
        ValueError: the name is not 1 to 200 of ``A-Z a-z 0-9 _ . : -``, or is another class's.
    """
    if cls is None:
        return lambda given: _register(given, name, to, frm)
    return _register(cls, name, to, frm)


def of_class(cls: type) -> Sendable | None:
    """The entry of exactly this class; None if it, or only its parent, is registered."""
    entry = _by_class.get(cls)
    if entry is None and _unsearched:
        _search_models()
        entry = _by_class.get(cls)
    return entry


def of_name(name: str) -> Sendable | None:
    """The entry that travels under *name*; None if no class of this process does."""
    entry = _by_name.get(name)
    if entry is None and _unsearched:
        _search_models()
        entry = _by_name.get(name)
    return entry


def _register(
    cls: type[T],
    name: str | None,
    to: Callable[[Any], object] | None,
    frm: Callable[[Any], object] | None,
) -> type[T]:
    if not isinstance(cls, type):
        raise TypeError(f"{cls!r} cannot travel by itself: only classes are registered")
    entry = _entry_of(cls, name or _usual_name(cls), to, frm)
    if not _NAME.fullmatch(entry.name):
        raise ValueError(
            f"{entry.name!r} is no name for a class that travels: 1 to 200 of A-Z a-z 0-9 _ . : - "
            'are. Define it at the top of a module, or name it: sendable(..., name="...")'
        )
    known = _by_class.get(cls) or _by_name.setdefault(entry.name, entry)
    if _is_imported_twice(known, entry):
        known = entry
        if cls.__module__ == MAIN:  # its own code compares with this one
            _by_name[entry.name] = entry
    if (known.name, known.cls) != (entry.name, cls):
        raise ValueError(
            f"{known.cls.__qualname__} already travels as {known.name!r}: give "
            f'{cls.__qualname__} a name of its own, once, @sendable(name="...")'
        )
    if to is not None and (known.to, known.frm) != (to, frm):
        raise ValueError(
            f"{cls.__qualname__} already travels with another to= or frm=: register it once, in "
            "one module"
        )
    if known is entry and to is None and is_model(cls):
        _unsearched.append(cls)
    _by_class[cls] = known
    return cls


def _usual_name(cls: type) -> str:
    return f"{shared_module_name(cls.__module__)}:{cls.__qualname__}"


def _is_imported_twice(known: Sendable, entry: Sendable) -> bool:
    """True for one class of the main script in two copies: a module of its imports it by name."""
    return (
        known.name == entry.name
        and known.cls.__qualname__ == entry.cls.__qualname__
        and known.cls.__module__ != entry.cls.__module__
        and MAIN in {known.cls.__module__, entry.cls.__module__}
    )


def _entry_of(
    cls: type, name: str, to: Callable[[Any], object] | None, frm: Callable[[Any], object] | None
) -> Sendable:
    if cls in BUILTIN:
        raise TypeError(
            f"{cls.__qualname__} is built in, and cannot be registered: it travels as it is, or not"
        )
    if (to is None) != (frm is None):
        raise TypeError(f"give to= and frm= for {cls.__qualname__}, both or neither")
    if to is not None:
        return Sendable(name, cls, None, to, frm)
    if issubclass(cls, Enum):
        return Sendable(name, cls, None, member_name, member_of(cls))
    if is_model(cls):
        return Sendable(name, cls, None, state_of_model, model_from(cls))
    if is_dataclass(cls):
        return Sendable(name, cls, layout_of(cls))
    if issubclass(cls, Exception):
        return Sendable(name, cls)
    if is_like_a_model(cls):
        return Sendable(name, cls, None, dump_of, validated_as(cls))
    raise TypeError(
        f"{cls!r} cannot travel by itself: only dataclasses, enums, pydantic models and subclasses "
        "of Exception can. If it is a dataclass, put @sendable above @dataclass; else say how: "
        f"sendable({cls.__qualname__}, to=..., frm=...)"
    )


def _search_models() -> None:
    """Register the models that fields of registered models may hold, under their usual names."""
    waiting: list[type] = []
    for cls in _unsearched:  # grows by those that are found
        inner = models_in(cls)
        if inner is None:  # one of its types is not defined yet
            waiting.append(cls)
            continue
        for found in inner:
            name = _usual_name(found)
            if found not in _by_class and name not in _by_name and _NAME.fullmatch(name):
                _register(found, name, None, None)
    _unsearched[:] = waiting
