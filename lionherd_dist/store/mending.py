"""What is done where a request meets what this package did not leave at the server.

Scripts set a key of a wrong type aside where they meet it. This is for what is asked without one:
a key that is read, and the group as which workers take calls.
"""

import enum
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from redis.exceptions import ResponseError

from lionherd_dist.store.keys import Keys, type_of
from lionherd_dist.store.scripts import SET_ASIDE, Script

Argument: TypeAlias = str | bytes | int | float
Command: TypeAlias = tuple[Argument, ...]
Request: TypeAlias = tuple[Script, Sequence[str], Sequence[Argument]]


class Damage(enum.Enum):
    """What a request met that its writer never left there."""

    NONE = enum.auto()
    NO_GROUP = enum.auto()
    WRONG_TYPE = enum.auto()
    OTHER = enum.auto()  # a value that a script cannot work with


# Rights and versions are no damage, wherever they are told.
_OF_RIGHTS = re.compile(
    r"NOPERM|can't (run|access)|unknown (redis )?command|called from script", re.IGNORECASE
)
_OF_VALUES = re.compile(
    r"@?user_script|script: [0-9a-f]{40}|error running script|is not an integer|is not a valid"
    r"|invalid stream id",
    re.IGNORECASE,
)


def damage_of(error: ResponseError) -> Damage:
    """What *error*, a server's answer, says of the keys that the request was about."""
    text = str(error)
    if _OF_RIGHTS.search(text) or text.startswith("OOM") or "OOM command" in text:
        return Damage.NONE
    if text.startswith("NOGROUP"):
        return Damage.NO_GROUP
    if "WRONGTYPE" in text:
        return Damage.WRONG_TYPE
    return Damage.OTHER if _OF_VALUES.search(text) else Damage.NONE


def new_group(keys: Keys) -> Command:
    """Makes the group of workers again; what the old one had given out is given out anew."""
    return ("XGROUP", "CREATE", keys.calls, "workers", "0", "MKSTREAM")


def settings_aside(keys: Keys, commands: Sequence[Command]) -> list[Request]:
    """Sets aside those keys of *commands* that are not of the type that their names say."""
    return [(SET_ASIDE, (name,), (kind,)) for name, kind in sorted({*_keys_in(keys, commands)})]


def _keys_in(keys: Keys, commands: Sequence[Command]) -> Iterator[tuple[str, str]]:
    for command in commands:
        for one in command:
            if isinstance(one, str) and one.startswith(keys.prefix):
                kind = type_of(one[len(keys.prefix) :])
                if kind is not None:
                    yield one, kind
