"""The allow-list: which classes of the user may travel, and the names they travel under."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeVar, overload

from lionherd_dist.main_module import MAIN, shared_module_name

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


@dataclass(frozen=True, slots=True)
class Sendable:
    """A class that may travel.

    Attributes:
        name: what it is called on the wire.
        cls: the class: a dataclass, an exception, or both.
        fields: the names its constructor takes, in order; empty for an exception without fields.
    """

    name: str
    cls: type
    fields: tuple[str, ...]


# The one deliberate state of a module in this package. Classes are registered where they are
# defined, by import, like the classes themselves; and the wire must find a class by its name
# without ever importing what a message says. Entries are only added.
_by_name: dict[str, Sendable] = {}
_by_class: dict[type, Sendable] = {}


@overload
def sendable(cls: type[T], /) -> type[T]: ...
@overload
def sendable(*, name: str) -> Callable[[type[T]], type[T]]: ...
def sendable(
    cls: type[T] | None = None, /, *, name: str | None = None
) -> type[T] | Callable[[type[T]], type[T]]:
    """Let the instances of a dataclass or an exception class travel between processes.

    Every process must have imported the module that registers the class. A class of somebody
    else is registered by a call: ``sendable(httpx.ReadTimeout)``.

    Args:
        cls: a dataclass (put ``@sendable`` above ``@dataclass``) or a subclass of Exception.
        name: what it is called on the wire; ``module:qualified_name`` unless given.

    Raises:
        TypeError: it is neither, or its constructor needs more than its fields.
        ValueError: the name is not 1 to 200 of ``A-Z a-z 0-9 _ . : -``, or is another class's.
    """
    if cls is None:
        return lambda given: _register(given, name)
    return _register(cls, name)


def of_class(cls: type) -> Sendable | None:
    """The entry of exactly this class; None if it, or only its parent, is registered."""
    return _by_class.get(cls)


def of_name(name: str) -> Sendable | None:
    """The entry that travels under *name*; None if no class of this process does."""
    return _by_name.get(name)


def _register(cls: type[T], name: str | None) -> type[T]:
    taken = _fields_of(cls)
    default = f"{shared_module_name(cls.__module__)}:{cls.__qualname__}"
    entry = Sendable(name or default, cls, taken)
    if not _NAME.fullmatch(entry.name):
        raise ValueError(
            f"{entry.name!r} is no name for a class that travels: 1 to 200 of A-Z a-z 0-9 _ . : - "
            'are. Define it at the top of a module, or name it: @sendable(name="...")'
        )
    known = _by_class.get(cls) or _by_name.setdefault(entry.name, entry)
    if known != entry and _is_imported_twice(known, entry):
        known = entry
        if cls.__module__ == MAIN:  # its own code compares with this one
            _by_name[entry.name] = entry
    if known != entry:
        raise ValueError(
            f"{known.cls.__qualname__} already travels as {known.name!r}: give "
            f'{cls.__qualname__} a name of its own, once, @sendable(name="...")'
        )
    _by_class[cls] = known
    return cls


def _is_imported_twice(known: Sendable, entry: Sendable) -> bool:
    """True for one class of the main script in two copies: a module of its imports it by name."""
    return (
        known.name == entry.name
        and known.cls.__qualname__ == entry.cls.__qualname__
        and known.cls.__module__ != entry.cls.__module__
        and MAIN in {known.cls.__module__, entry.cls.__module__}
    )


def _fields_of(cls: object) -> tuple[str, ...]:
    if not isinstance(cls, type) or not (is_dataclass(cls) or issubclass(cls, Exception)):
        raise TypeError(
            f"{cls!r} cannot travel: only dataclasses and subclasses of Exception can. "
            "If it is a dataclass, put @sendable above @dataclass"
        )
    if not is_dataclass(cls):
        return ()
    names = tuple(field.name for field in fields(cls) if field.init)
    for needed in inspect.signature(cls).parameters.values():
        required = needed.default is needed.empty and needed.kind not in (
            needed.VAR_POSITIONAL,
            needed.VAR_KEYWORD,
        )
        if needed.kind is needed.POSITIONAL_ONLY or (required and needed.name not in names):
            raise TypeError(
                f"{cls.__qualname__} cannot be rebuilt from its fields: its constructor needs "
                f"{needed.name!r}. Give it a default, or make it a field"
            )
    return names
