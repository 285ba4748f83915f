"""What a namespace holds that it should not. Reads only, and a bounded part of each key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.odd_keys import keys_of_wrong_type
from lionherd_dist.store.reading import Overview, overview
from lionherd_dist.store.tolerant import read_each, read_one, whole

LOOKED_AT = 200  # entries of each kind; the oldest, which are those that nobody sees to


@dataclass(frozen=True, slots=True)
class SpaceFacts:
    """A namespace, and what is wrong with it.

    Args:
        seen: the namespace as ``status`` shows it.
        lost_calls: released calls whose job is gone.
        ownerless_jobs: jobs of sessions that are gone, which nobody will ever give up.
        leftovers: notes about sessions that are gone.
        undying: keys that should have a time to live and have none.
        slots_told: what the workers' slots are held to come to.
        wrong_types: keys that are not of the type that their names say.
        set_aside: keys that were not, and were renamed, as their names were.
        has_group: False if there are workers, and the group as which they take calls is gone.
        prefix: what the names of all keys begin with.
    """

    seen: Overview
    lost_calls: list[str]
    ownerless_jobs: list[str]
    leftovers: list[str]
    undying: list[str]
    slots_told: int
    wrong_types: Sequence[str] = ()
    set_aside: Sequence[str] = ()
    has_group: bool = True
    prefix: str = ""


async def space_facts(connection: Connection, keys: Keys) -> SpaceFacts:
    """Look at the namespace."""
    seen = await overview(connection, keys)
    lost, ownerless = await _without_owner(connection, keys)
    told = cast("bytes | None", await read_one(connection, "HGET", keys.slots, "*"))
    wrong_types = [name for name, _ in await keys_of_wrong_type(connection.try_each, keys)]
    aside, groups = await connection.try_each(
        [("HKEYS", keys.aside), ("XINFO", "GROUPS", keys.calls)]
    )
    names = cast("list[bytes]", aside) if isinstance(aside, list) else []
    has_group = not seen.workers or (isinstance(groups, list) and bool(groups))
    return SpaceFacts(
        seen=seen,
        lost_calls=lost,
        ownerless_jobs=ownerless,
        leftovers=await _leftovers(connection, keys),
        undying=await _undying(connection, keys, [session.id for session in seen.sessions]),
        slots_told=whole(told) or 0,
        wrong_types=wrong_types,
        set_aside=[name.decode(errors="replace") for name in names],
        has_group=has_group,
        prefix=keys.prefix,
    )


async def _without_owner(connection: Connection, keys: Keys) -> tuple[list[str], list[str]]:
    """Calls without a job, as ``job index``, and jobs without an owner."""
    calls = await _calls(connection, keys)
    jobs = sorted({call.partition(" ")[0] for call in calls})
    if not jobs:
        return [], []
    rows = cast(
        "list[list[bytes | None]]",
        await read_each(
            connection, [("HMGET", keys.job(job), "owner", "cancelled") for job in jobs]
        ),
    )
    gone = {job for job, (owner, _) in zip(jobs, rows, strict=True) if owner is None}
    # A cancelled job whose last calls are stopping may outlive its owner.
    owners = {
        job: owner.decode(errors="replace")
        for job, (owner, cancelled) in zip(jobs, rows, strict=True)
        if owner and cancelled == b"0"
    }
    alive = await _alive(connection, keys, sorted(set(owners.values())))
    lost = [call for call in calls if call.partition(" ")[0] in gone]
    if lost:  # a job may have ended between the two looks, and its calls with it
        again = set(await _calls(connection, keys))
        lost = [call for call in lost if call in again]
    return lost, [job for job, owner in owners.items() if owner not in alive]


async def _calls(connection: Connection, keys: Keys) -> list[str]:
    """The oldest released calls and the parked ones that are due first, as ``job index``."""
    entries, parked = await read_each(
        connection,
        [
            ("XRANGE", keys.calls, "-", "+", "COUNT", LOOKED_AT),
            ("ZRANGE", keys.due, 0, LOOKED_AT - 1),
        ],
    )
    headers = [
        fields[1].decode(errors="replace").split(" ")
        for _, fields in cast("list[tuple[bytes, list[bytes]]]", entries)
        if len(fields) >= 4
    ]
    waiting = [name.decode(errors="replace") for name in cast("list[bytes]", parked)]
    return [" ".join(header[:2]) for header in headers if len(header) == 5] + waiting


async def _alive(connection: Connection, keys: Keys, sessions: Sequence[str]) -> set[str]:
    """Those of *sessions* that are registered, expired or not."""
    if not sessions:
        return set()
    reply = await read_one(connection, "ZMSCORE", keys.sessions, *sessions)
    scores = cast("list[bytes | None]", reply)
    return {one for one, score in zip(sessions, scores, strict=True) if score is not None}


async def _leftovers(connection: Connection, keys: Keys) -> list[str]:
    """Fields of the hashes by session whose session is gone, as ``key field``."""
    hashes = (keys.slots, keys.names, keys.places, keys.opened)
    pages = await read_each(connection, [("HSCAN", key, 0, "COUNT", LOOKED_AT) for key in hashes])
    fields = [
        (key, name.decode(errors="replace"))
        for key, page in zip(hashes, pages, strict=True)
        for name in cast("tuple[bytes, list[bytes]]", page)[1][::2]
        if name != b"*"
    ]
    alive = await _alive(connection, keys, sorted({name for _, name in fields}))
    left = [(key, name) for key, name in fields if name not in alive]
    if not left:
        return []
    still = await read_each(connection, [("HEXISTS", key, name) for key, name in left])
    return [f"{key} {name}" for (key, name), there in zip(left, still, strict=True) if there]


async def _undying(connection: Connection, keys: Keys, sessions: Iterable[str]) -> list[str]:
    """Keys whose writer always gives them a time to live, and that have none."""
    done = cast(
        "list[bytes]",
        await read_one(
            connection, *("ZRANGE", keys.kept, "(0", "+inf", "BYSCORE", "LIMIT", 0, LOOKED_AT)
        ),
    )
    jobs = [keys.job(job.decode(errors="replace")) for job in done]
    names = [keys.control, keys.dead, *map(keys.inbox, sessions)]
    names += [*jobs, *(f"{job}:outcomes" for job in jobs)]
    left_ms = await connection.pipeline([("PTTL", name) for name in names])
    return [name for name, left in zip(names, left_ms, strict=True) if left == -1]
