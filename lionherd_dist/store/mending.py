"""What is to be done where a key of the namespace is not what this package made of it.

Whoever may write to the server may write anything: a key of another type, or none at all where one
was. Such a key is put out of the way, as it is, and made anew by whoever needs it next; a job of
which something is gone that way is lost, and ends.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, cast

from redis.exceptions import ResponseError

from lionherd_dist.logs import note
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.keys import Keys, type_of
from lionherd_dist.store.scripts import CHECK, SET_ASIDE, Script

Argument: TypeAlias = str | bytes | int | float
Command: TypeAlias = tuple[Argument, ...]
Request: TypeAlias = tuple[Script, Sequence[str], Sequence[Argument]]
Ask: TypeAlias = Callable[[Sequence[Command]], Awaitable[list[Reply]]]
Run: TypeAlias = Callable[[Sequence[Request]], Awaitable[list[Reply]]]

SCANNED = 1_000  # keys looked at in one go
_SPECIAL = re.compile(r"([\\*?\[\]])")


async def keys_of_wrong_type(ask: Ask, keys: Keys) -> list[tuple[str, str]]:
    """Keys of the namespace that are not of their type: what follows the prefix, and the type."""
    found: list[tuple[str, str]] = []
    cursor, is_over = b"0", False
    pattern = _SPECIAL.sub(r"\\\1", keys.prefix) + "*"
    while not is_over:
        (page,) = await ask([("SCAN", cursor, "MATCH", pattern, "COUNT", SCANNED)])
        cursor, names = cast("tuple[bytes, list[bytes]]", page)
        is_over = cursor == b"0"
        known = [(name, kind) for name in names if (kind := _kind(name, keys)) is not None]
        types = await ask([("TYPE", name) for name, _ in known]) if known else []
        found += [
            (name.decode()[len(keys.prefix) :], kind)
            for (name, kind), there in zip(known, types, strict=True)
            if there not in {kind.encode(), b"none"}
        ]
    return sorted(set(found))


def _kind(name: bytes, keys: Keys) -> str | None:
    try:
        return type_of(name.decode()[len(keys.prefix) :])
    except UnicodeDecodeError:  # no key of ours
        return None


async def mend(ask: Ask, run: Run, keys: Keys) -> int:
    """Set aside every key of a wrong type, and end the jobs that lost something by it.

    How many keys that were.
    """
    count = 0
    wrong = await keys_of_wrong_type(ask, keys)
    for name, kind in wrong:
        names = (keys.prefix + name, f"{keys.prefix}aside:{name}", keys.aside)
        if await run([(SET_ASIDE, names, ("", kind, name))]) == [1]:
            count += 1
            note(logging.ERROR, "key set aside", key=keys.prefix + name, expected=kind)
    jobs = {name.split(":")[1] for name, _ in wrong if name.startswith("job:")}
    if jobs:
        house = (keys.sessions, keys.calls, keys.slots, keys.prefix)
        await run([(CHECK, house, ("", 0, *sorted(jobs)))])
    return count


async def make_group(ask: Ask, keys: Keys) -> None:
    """Make the group that workers take calls as again; what it had given out is given out anew."""
    try:
        await ask([("XGROUP", "CREATE", keys.calls, "workers", "0", "MKSTREAM")])
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):  # another process was faster
            raise
