"""The type of the options that several commands share."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class OptionDecorator(Protocol):
    """Adds an option to the function below it."""

    def __call__(self, function: F, /) -> F:
        """*function*, with the option."""
        ...
