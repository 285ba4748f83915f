"""Context variables whose values go with each call to the worker that runs it."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from lionherd_dist.arguments import shown

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")

# State of the module, like the registry of classes: variables are registered by import, where they
# are defined, and a name that comes from the server is looked up here and nowhere else.
_by_name: dict[str, ContextVar[Any]] = {}


def carry(var: ContextVar[T], *, name: str | None = None) -> ContextVar[T]:
    """Let the value of *var* go with each call to its worker, where the task finds it set.

        request_id = carry(ContextVar("request_id", default=""))

    A call takes the value that *var* has where the pattern, the stream or ``submit`` is begun. A
    variable that was not set there is not sent. Retries, calls of the task's own and submitted jobs
    have the value, too. The module that says this has to be imported on both sides; a process that
    does not know the name ignores it. In one process context variables flow by themselves.

    Args:
        var: its values must be such as arguments may be.
        name: what it is called on the wire; that of *var* unless given.

    Returns:
        *var* itself.

    Raises:
        TypeError: it is no ContextVar.
        ValueError: the name is not 1 to 200 of ``A-Z a-z 0-9 _ . : -``, or is another variable's.
    """
    if not isinstance(var, ContextVar):
        raise TypeError(f"var is {shown(var)}: give a contextvars.ContextVar")
    name = var.name if name is None else name
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"name is {shown(name)}: give 1 to 200 of A-Z a-z 0-9 _ . : -, carry(var, name=...)"
        )
    if _by_name.setdefault(name, var) is not var:
        raise ValueError(
            f"name is {name!r}, under which another variable is carried: give a name of its own, "
            "carry(var, name=...)"
        )
    return var


def carried_here() -> dict[str, object]:
    """The values of the registered variables that are set in this context, by their names."""
    if not _by_name:  # nearly always
        return {}
    found = {name: var.get(_UNSET) for name, var in _by_name.items()}
    return {name: value for name, value in found.items() if value is not _UNSET}


def set_carried(values: Mapping[str, object]) -> None:
    """Set the variables that *values* name, in this context; unknown names are ignored."""
    for name, value in values.items():
        var = _by_name.get(name)
        if var is not None:
            var.set(value)


_UNSET = object()
