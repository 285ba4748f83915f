"""Keys of a namespace that are not what this package made of them. Reads only.

No key is looked for by its name, among all that a server holds: those of a namespace are found from
the ones that name them.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import TypeAlias, cast

from lionherd_dist.store.keys import PART_TYPES, SHARED_TYPES, Keys, type_of

Argument: TypeAlias = str | bytes | int | float
Command: TypeAlias = tuple[Argument, ...]
Ask: TypeAlias = Callable[[Sequence[Command]], Awaitable[Sequence[object]]]  # errors in place

MOST = 10_000  # members of one key that are followed, and keys of one kind
AT_ONCE = 1_000  # commands in one go


async def keys_of_wrong_type(ask: Ask, keys: Keys) -> list[tuple[str, str]]:
    """Keys of the namespace that are not of their type: what follows the prefix, and the type."""
    wrong: list[tuple[str, str]] = []
    checked: set[str] = set()
    names: Iterable[str] = SHARED_TYPES
    for follow in (_of_sessions, _of_jobs, _of_limiters, None):
        new = [name for name in names if name not in checked]
        checked.update(new)
        types = await _each(ask, [("TYPE", keys.prefix + name) for name in new])
        for name, there in zip(new, types, strict=True):
            kind = type_of(name)
            if kind is not None and there not in {kind.encode(), b"none"}:
                wrong.append((name, kind))
        if follow is not None:
            names = await follow(ask, keys, checked)
    return sorted(wrong)


async def _each(ask: Ask, commands: Sequence[Command]) -> list[object]:
    replies: list[object] = []
    for first in range(0, len(commands), AT_ONCE):
        replies += await ask(commands[first : first + AT_ONCE])
    return replies


def _texts(replies: Iterable[object]) -> set[str]:
    """The texts in *replies*; those that are errors, or hold no text, have none."""
    lists = [cast("list[object]", reply) for reply in replies if isinstance(reply, list)]
    found = (one for members in lists for one in members if isinstance(one, bytes))
    texts = {one.decode(errors="ignore") for one in found}
    return set(islice((text for text in texts if ":" not in text), MOST))


def _parts(kind: str, owners: Iterable[str]) -> list[str]:
    parts = PART_TYPES[kind]
    return [f"{kind}:{owner}{part and ':'}{part}" for owner in owners for part in parts]


async def _of_sessions(ask: Ask, keys: Keys, _: set[str]) -> list[str]:
    hashes = (keys.places, keys.slots, keys.names, keys.opened)
    asked: list[Command] = [("ZRANGE", keys.sessions, 0, MOST - 1)]
    sessions = _texts(await ask([*asked, *(("HKEYS", key) for key in hashes)]))
    return [*_parts("inbox", sessions), *_parts("owned", [*sessions, ""])]


async def _of_jobs(ask: Ask, keys: Keys, checked: set[str]) -> list[str]:
    owned = [keys.prefix + name for name in checked if name.startswith("owned:")]
    asked: list[Command] = [("ZRANGE", key, 0, MOST - 1) for key in [*owned, keys.kept]]
    asked.append(("SRANDMEMBER", keys.prefix + "behind", MOST))
    jobs = _texts(await _each(ask, asked))
    released, parked = await ask(
        [("XRANGE", keys.calls, "-", "+", "COUNT", AT_ONCE), ("ZRANGE", keys.due, 0, AT_ONCE)]
    )
    entries = cast("list[list[object]]", released) if isinstance(released, list) else []
    headers = [cast("list[object]", fields)[1:2] for _, fields in entries if fields]
    calls = _texts([*headers, parked])  # "job index", and more
    return _parts("job", jobs | {call.partition(" ")[0] for call in calls})


async def _of_limiters(ask: Ask, keys: Keys, checked: set[str]) -> list[str]:
    jobs = [name for name in checked if name.startswith("job:") and name.count(":") == 1]
    told = await _each(ask, [("HGET", keys.prefix + name, "limiter") for name in jobs])
    (names,) = await ask([("SRANDMEMBER", keys.limits, MOST)])
    limiters = {one for one in told if isinstance(one, bytes)}
    limiters |= (
        {one for one in names if isinstance(one, bytes)} if isinstance(names, list) else set()
    )
    prefix = len(keys.prefix)
    keys_of = (keys.limit(one.decode(errors="ignore"))[prefix:] for one in limiters)
    return [f"{key}{part and ':'}{part}" for key in keys_of for part in PART_TYPES["limit"]]
