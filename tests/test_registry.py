"""The allow-list of classes that may travel."""

from dataclasses import InitVar, dataclass, field

import pytest

from lionherd_dist import registry
from lionherd_dist.registry import sendable


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


def test_only_what_the_constructor_takes_travels() -> None:
    """A field with init=False is computed again where it arrives."""
    entry = registry.of_class(Point)
    assert entry is not None
    assert entry.fields == ("x", "y")


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


@pytest.mark.parametrize("thing", [int, str, dict, BaseException, KeyboardInterrupt, 5, "Point"])
def test_what_is_neither_dataclass_nor_exception_is_refused(thing: type) -> None:
    """The wire would not know how to take it apart."""
    with pytest.raises(TypeError, match="only dataclasses and subclasses of Exception"):
        sendable(name="tests.thing")(thing)


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


def test_a_dataclass_that_needs_more_than_its_fields_is_refused_at_once() -> None:
    """Not later, on the other side."""

    @dataclass
    class Secretive:
        x: int
        key: InitVar[str]

    with pytest.raises(TypeError, match="its constructor needs 'key'"):
        sendable(name="tests.Secretive")(Secretive)
    assert registry.of_name("tests.Secretive") is None
