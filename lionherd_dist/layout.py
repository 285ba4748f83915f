"""What instances of a class hold of their own, and how one is made without its constructor.

A constructor may change what it is given, compute, or want something else than it keeps: an
instance that is to be as it was is made of the attributes that it had.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, dataclass, fields
from types import BuiltinFunctionType, MemberDescriptorType
from typing import Any

# Set by typing on instances of Box[int](...), and no part of the value.
_LEFT_OUT = frozenset({"__orig_class__"})

REST = "__dict__"  # the part of a state that has the attributes that are no fields


@dataclass(frozen=True, slots=True)
class Layout:
    """The attributes of a dataclass.

    Attributes:
        cls: the class.
        fields: the names of its fields.
        slots: what reads and writes each attribute that has no place in ``__dict__``.
        readers: what reads each of these, bound beforehand for speed.
        missing: what makes the value of a field that a state is without; None where a class
            attribute has it, or where nothing needs to.
        computed: the names of cached properties, which are no part of a state.
    """

    cls: type
    fields: frozenset[str]
    slots: dict[str, MemberDescriptorType]
    readers: tuple[tuple[str, Callable[[object], object]], ...]
    missing: dict[str, Callable[[], object] | None]
    computed: frozenset[str]

    def state_of(self, value: object) -> dict[str, object]:
        """What *value* holds: its fields by name, and the attributes that are none under ``REST``.

        Raises ValueError where a field that an instance needs has no value.
        """
        state: dict[str, object] = (
            object.__getattribute__(value, "__dict__") if self.cls.__dictoffset__ else {}
        )
        if self.slots:
            try:
                held = {name: read(value) for name, read in self.readers}
            except AttributeError:  # one was never set
                held = dict(self._slots_of(value))
            state = state | held if state else held
        return state if state.keys() == self.fields else self._sorted_out(state)

    def make(self, names: list[Any], values: list[Any]) -> object:
        """The instance whose state was *names* and *values*; no constructor runs.

        A field that the state is without gets its default. Raises ValueError for a field that has
        no default, for a name that is no field, and for a name that is there twice.
        """
        state = dict(zip(names, values, strict=True))
        if len(state) != len(names):
            raise ValueError(f"{self.cls.__qualname__} with a field twice")
        if state.keys() != self.fields:
            self._complete(state)
        value: object = object.__new__(self.cls)
        for name, slot in self.slots.items():
            if name in state:
                slot.__set__(value, state.pop(name))
        if state:
            value.__dict__.update(state)
        return value

    def complete(self, state: dict[str, Any]) -> None:
        """Add what *state* is without. Raises ValueError for a field that has no default."""
        for name in self.fields - state.keys():
            if name not in self.missing:
                raise ValueError(f"{self.cls.__qualname__} without its field {name!r}")
            default = self.missing[name]
            if default is not None:
                state[name] = default()

    def _complete(self, state: dict[str, Any]) -> None:
        rest = state.pop(REST, {})
        if type(rest) is not dict or not all(type(name) is str for name in rest):
            raise ValueError(f"{self.cls.__qualname__} with attributes that have no names")
        if not state.keys() <= self.fields or rest.keys() & self.fields:
            raise ValueError(
                f"{self.cls.__qualname__} with fields that it does not have here: "
                f"{sorted(str(name)[:50] for name in state.keys() - self.fields)}"
            )
        if not self.cls.__dictoffset__ and not rest.keys() <= self.slots.keys():
            raise ValueError(f"{self.cls.__qualname__} with attributes that have no place here")
        self.complete(state)
        state.update(rest)

    def _slots_of(self, value: object) -> Iterator[tuple[str, object]]:
        for name, slot in self.slots.items():
            try:
                yield name, slot.__get__(value)
            except AttributeError:  # never set
                continue

    def _sorted_out(self, state: dict[str, object]) -> dict[str, object]:
        for name in self.fields - state.keys():
            if self.missing.get(name, MISSING) is not None:
                raise ValueError(f"its field {name!r} has no value")
        rest = state.keys() - self.fields - self.computed - _LEFT_OUT
        known = {name: member for name, member in state.items() if name in self.fields}
        if rest:
            known[REST] = {name: member for name, member in state.items() if name in rest}
        return known


def layout_of(cls: type) -> Layout:
    """The layout of a dataclass.

    Raises:
        TypeError: instances hold something that is in none of their attributes, or their class
            decides itself which object there is.
    """
    _refuse_state_elsewhere(cls)
    slots = dict(_slots_of(cls))
    for field in fields(cls):
        held = _class_attribute(cls, field.name)
        if field.name not in slots and hasattr(type(held), "__set__"):
            raise TypeError(
                f"{cls.__qualname__}.{field.name} is a field and a {type(held).__qualname__}, "
                f"which decides itself where the value is. {_how_else(cls)}"
            )
    computed = {
        name
        for base in cls.__mro__
        for name, one in vars(base).items()
        if isinstance(one, functools.cached_property)
    }
    return Layout(
        cls,
        frozenset(field.name for field in fields(cls)),
        slots,
        tuple((name, slot.__get__) for name, slot in slots.items()),
        dict(_missing(fields(cls), slots)),
        frozenset(computed),
    )


def _refuse_state_elsewhere(cls: type) -> None:
    for base in cls.__mro__:
        new = vars(base).get("__new__")
        if new is None or base in {object, Exception, BaseException}:
            continue
        if issubclass(cls, Exception) and isinstance(new, BuiltinFunctionType):
            continue
        if isinstance(new, BuiltinFunctionType):
            raise TypeError(
                f"{cls.__qualname__} is a {base.__qualname__}, too, which holds more than its "
                f"fields. {_how_else(cls)}"
            )
        raise TypeError(
            f"{cls.__qualname__} has a __new__, which decides itself which object there is. "
            f"{_how_else(cls)}"
        )


def _slots_of(cls: type) -> Iterator[tuple[str, MemberDescriptorType]]:
    for base in reversed(cls.__mro__):  # what a subclass has again hides that of its parent
        if base.__module__ != "builtins":
            for name, one in vars(base).items():
                if isinstance(one, MemberDescriptorType):
                    yield name, one


def _missing(
    all_fields: Iterable[Field[Any]], slots: dict[str, MemberDescriptorType]
) -> Iterator[tuple[str, Callable[[], object] | None]]:
    for field in all_fields:
        if field.default_factory is not MISSING:
            yield field.name, field.default_factory
        elif field.default is not MISSING:
            keep = functools.partial(_itself, field.default)
            yield field.name, keep if field.name in slots else None
        elif not field.init:
            yield field.name, None


def _itself(value: object) -> object:
    return value


def _class_attribute(cls: type, name: str) -> object:
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def _how_else(cls: type) -> str:
    return f"Say how it travels: sendable({cls.__qualname__}, to=..., frm=...)"
