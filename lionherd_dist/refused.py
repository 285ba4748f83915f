"""The call that stands in a job for one that could not be made, where nobody is there to be told.

It keeps the place of what it stands for, and whoever reads the job hears of it as of any failure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lionherd_dist.errors import RemoteError
from lionherd_dist.task import Task, task


@task(name="lionherd_dist:refused")
async def refused(type_name: str, message: str, line: str, called: str) -> None:
    """Fail as what could not be called would have: by *type_name* and *message*."""
    del line, called  # they are for whoever reads of the failure
    raise RemoteError(type_name, message)


# What every worker knows, whatever its modules are.
BUILT_IN: Mapping[str, Task[..., Any]] = {refused.name: refused}


class Refusal(NamedTuple):
    """What a call could not be made of.

    Args:
        line: how the line begins that is no item; "" if it is one.
        called: the call as a text, whose arguments cannot be sent; "" if it is a line.
    """

    line: str
    called: str


def refusal_in(
    called: str, arguments: tuple[Sequence[object], Mapping[str, object]] | None
) -> Refusal | None:
    """What a failed call of ``refused`` stands for; None if *called* is another task's."""
    if arguments is None or not called.startswith(f"{refused.name}("):
        return None
    match arguments[0]:
        case [str(), str(), str(line), str(text)]:
            return Refusal(line, text)
    return None
