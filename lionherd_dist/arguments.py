"""Checks of arguments, made at the call: a message names the argument, its value, and what to give.

A wrong type is a TypeError and a number out of range a ValueError, as for Python's own functions.
"""

import operator
from datetime import timedelta
from numbers import Real
from typing import SupportsIndex

MOST_WHOLE = 10**15  # of what is a time, or a rate; floats end somewhere, too
_MOST_SHOWN = 100  # characters of a value in a message


def shown(value: object) -> str:
    """The repr of *value* for a message: one line of bounded length, whatever ``__repr__`` does."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 (a __repr__ of the user may raise anything)
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"


def whole_number(name: str, value: object, *, least: int, instead: str) -> int:
    """*value* as an int of at least *least*; bools and floats are refused, 3.0 included."""
    if type(value) is not int:
        if isinstance(value, bool) or not isinstance(value, SupportsIndex):
            raise TypeError(f"{name} is {shown(value)}: {instead}")
        value = operator.index(value)  # numpy's integers have it
    if value < least:
        raise ValueError(f"{name} is {shown(value)}: {instead}")
    return value


def number(name: str, value: object, *, least: float, instead: str) -> float:
    """*value*, a real number of at least *least* that is not NaN; infinity passes."""
    if type(value) is not float and type(value) is not int:
        if isinstance(value, timedelta):
            raise TypeError(f"{name} is {shown(value)}: give its total_seconds()")
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{name} is {shown(value)}: {instead}")
        try:
            value = float(value)  # numpy's numbers and fractions: the event loops take floats
        except OverflowError:
            value = MOST_WHOLE + 1
    if type(value) is int and abs(value) > MOST_WHOLE:
        raise ValueError(f"{name} is {shown(value)}, which is too large: {instead}")
    if not value >= least:  # NaN is not, either
        raise ValueError(f"{name} is {value}: {instead}")
    return value


def function(name: str, value: object, *, instead: str) -> None:
    """Refuse a *value* that cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} is {shown(value)}: {instead}")


def exception_classes(name: str, value: object) -> tuple[type[BaseException], ...]:
    """The classes in *value*: a class, or a tuple as an ``except`` clause takes it."""
    if isinstance(value, type) and issubclass(value, BaseException):
        return (value,)
    if isinstance(value, tuple):
        if all(isinstance(one, type) and issubclass(one, BaseException) for one in value):
            return value
        return tuple(cls for one in value for cls in exception_classes(name, one))
    raise TypeError(
        f"{name} is {shown(value)}: give a tuple of exception classes, such as "
        "(ConnectionError, TimeoutError)"
    )
