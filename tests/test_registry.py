"""The allow-list of classes that may travel."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import pytest

from lionherd_dist import registry
from lionherd_dist.registry import sendable
from lionherd_dist.wire import kinds


@sendable
@dataclass
class Point:
    x: int
    y: int = 0
    length: float = field(default=0.0, init=False)


@sendable(name="tests.Refused")
class RefusedError(Exception):
    pass


def test_a_class_travels_under_its_module_and_name() -> None:
    """So that two modules may each have a Point."""
    entry = registry.of_class(Point)
    assert entry is not None
    assert entry.name == f"{__name__}:Point"
    assert entry is registry.of_name(entry.name)


def test_the_decorator_returns_the_class_itself() -> None:
    """It marks; it does not wrap."""
    assert Point(1) == Point(1, 0)
    assert isinstance(RefusedError("no"), RefusedError)


def test_a_name_can_be_given() -> None:
    """It survives the move of a class to another module."""
    entry = registry.of_name("tests.Refused")
    assert entry is not None
    assert entry.cls is RefusedError


def test_a_class_of_somebody_else_is_registered_by_a_call() -> None:
    """No subclass is needed for it."""

    class ForeignError(Exception):
        pass

    assert sendable(name="tests.Foreign")(ForeignError) is ForeignError
    assert registry.of_class(ForeignError) is not None


def test_registering_twice_changes_nothing() -> None:
    """A module may run its decorator twice on one class."""
    before = registry.of_class(Point)
    assert sendable(Point) is Point
    assert registry.of_class(Point) is before


def test_a_subclass_is_not_registered_by_its_parent() -> None:
    """It would arrive as its parent."""

    class Sub(Point):
        pass

    assert registry.of_class(Sub) is None


class Plain:
    pass


@pytest.mark.parametrize("thing", [Plain, BaseException, KeyboardInterrupt, 5, "Point"])
def test_what_cannot_be_taken_apart_is_refused(thing: type) -> None:
    """The wire would not know how."""
    with pytest.raises(TypeError, match="cannot travel by itself: only "):
        sendable(name="tests.thing")(thing)


def test_any_class_travels_by_a_pair_of_functions() -> None:
    """One makes a value of an instance, the other makes it again; as a call or as a decorator."""

    class Money:
        pass

    assert sendable(Money, to=vars, frm=lambda _: Money(), name="tests.Money") is Money
    entry = registry.of_class(Money)
    assert entry is not None
    assert entry.to is vars
    with pytest.raises(ValueError, match="already travels with another to= or frm="):
        sendable(Money, to=repr, frm=lambda _: Money(), name="tests.Money")


def test_half_a_pair_of_functions_is_refused() -> None:
    """What is taken apart must be made again."""
    with pytest.raises(TypeError, match="both or neither"):
        sendable(Plain, to=vars, name="tests.Half")  # type: ignore[call-overload]


@pytest.mark.parametrize("cls", sorted(registry.BUILTIN, key=repr))
def test_builtin_types_cannot_be_registered(cls: type) -> None:
    """They are packed before any entry is looked for, so that one would do nothing."""
    with pytest.raises(TypeError, match="is built in, and cannot be registered"):
        sendable(cls, to=repr, frm=cls)


def test_every_type_that_travels_by_itself_is_among_the_builtin_ones() -> None:
    """Here and on the wire, one list."""
    on_the_wire = kinds.PLAIN | kinds._WRITERS.keys() | {list, dict}
    assert on_the_wire | {memoryview} == registry.BUILTIN


def test_the_wrong_order_of_decorators_is_explained() -> None:
    """The most likely mistake has its remedy in the message."""
    with pytest.raises(TypeError, match="put @sendable above @dataclass"):

        @dataclass
        @sendable(name="tests.Upside")
        class Upside:
            x: int


def test_one_name_is_one_class() -> None:
    """Otherwise the import order would decide what arrives."""
    with pytest.raises(ValueError, match=r"already travels as 'tests\.Refused'"):

        @sendable(name="tests.Refused")
        class OtherError(Exception):
            pass


def test_one_class_has_one_name() -> None:
    """Otherwise what was sent under the first name could not be told from a mistake."""
    with pytest.raises(ValueError, match="of its own, once"):
        sendable(name="tests.Again")(Point)


def test_a_class_inside_a_function_needs_a_name() -> None:
    """No other process could have it under the name that it has here."""
    with pytest.raises(ValueError, match="Define it at the top of a module, or name it"):

        @sendable
        class LocalError(Exception):
            pass


class Elsewhere:
    """A descriptor that keeps its values where no instance has them."""

    def __get__(self, instance: object, owner: type) -> int:
        return 0

    def __set__(self, instance: object, value: int) -> None: ...


def in_a_descriptor() -> type:
    @dataclass
    class Kept:
        x: int = Elsewhere()  # type: ignore[assignment]

    return Kept


def behind_a_property() -> type:
    @dataclass
    class Kept:
        x: int

        @property  # type: ignore[no-redef]
        def x(self) -> int:
            return 0

        @x.setter
        def x(self, value: int) -> None: ...

    return Kept


def in_a_builtin_base() -> type:
    @dataclass
    class Kept(dict[str, int]):
        x: int = 0

    return Kept


def by_new() -> type:
    @dataclass
    class Kept:
        x: int = 0

        def __new__(cls, *args: object) -> Self:
            return super().__new__(cls)

    return Kept


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (in_a_descriptor, "is a field and a Elsewhere"),
        (behind_a_property, "is a field and a property"),
        (in_a_builtin_base, "is a dict, too"),
        (by_new, "has a __new__"),
    ],
)
def test_a_dataclass_that_is_more_than_its_attributes_is_refused_at_once(
    make: Callable[[], type], why: str
) -> None:
    """Not when one is sent; and the message says how it can travel."""
    cls = make()
    with pytest.raises(TypeError, match=rf"{why}.*sendable\(.*Kept, to=\.\.\., frm=\.\.\.\)"):
        sendable(name="tests.Kept")(cls)
    assert registry.of_name("tests.Kept") is None
