"""What a namespace holds that it should not. Reads only, and a bounded part of each key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.reading import Overview, overview

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
    """

    seen: Overview
    lost_calls: list[str]
    ownerless_jobs: list[str]
    leftovers: list[str]
    undying: list[str]
    slots_told: int


async def space_facts(connection: Connection, keys: Keys) -> SpaceFacts:
    """Look at the namespace."""
    seen = await overview(connection, keys)
    lost, ownerless = await _without_owner(connection, keys)
    told = cast("bytes | None", await connection.call("HGET", keys.slots, "*"))
    return SpaceFacts(
        seen=seen,
        lost_calls=lost,
        ownerless_jobs=ownerless,
        leftovers=await _leftovers(connection, keys),
        undying=await _undying(connection, keys, [session.id for session in seen.sessions]),
        slots_told=int(told or 0),
    )


async def _without_owner(connection: Connection, keys: Keys) -> tuple[list[str], list[str]]:
    """Calls without a job, as ``job index``, and jobs without an owner."""
    calls = await _calls(connection, keys)
    jobs = sorted({call.partition(" ")[0] for call in calls})
    if not jobs:
        return [], []
    rows = cast(
        "list[list[bytes | None]]",
        await connection.pipeline([("HMGET", keys.job(job), "owner", "cancelled") for job in jobs]),
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
    entries, parked = await connection.pipeline(
        [
            ("XRANGE", keys.calls, "-", "+", "COUNT", LOOKED_AT),
            ("ZRANGE", keys.due, 0, LOOKED_AT - 1),
        ]
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
    scores = cast("list[bytes | None]", await connection.call("ZMSCORE", keys.sessions, *sessions))
    return {one for one, score in zip(sessions, scores, strict=True) if score is not None}


async def _leftovers(connection: Connection, keys: Keys) -> list[str]:
    """Fields of the hashes by session whose session is gone, as ``key field``."""
    hashes = (keys.slots, keys.names, keys.places, keys.opened)
    pages = await connection.pipeline([("HSCAN", key, 0, "COUNT", LOOKED_AT) for key in hashes])
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
    still = await connection.pipeline([("HEXISTS", key, name) for key, name in left])
    return [f"{key} {name}" for (key, name), there in zip(left, still, strict=True) if there]


async def _undying(connection: Connection, keys: Keys, sessions: Iterable[str]) -> list[str]:
    """Keys whose writer always gives them a time to live, and that have none."""
    done = cast(
        "list[bytes]",
        await connection.call(
            *("ZRANGE", keys.kept, "(0", "+inf", "BYSCORE", "LIMIT", 0, LOOKED_AT)
        ),
    )
    jobs = [keys.job(job.decode(errors="replace")) for job in done]
    names = [keys.control, keys.dead, *map(keys.inbox, sessions)]
    names += [*jobs, *(f"{job}:outcomes" for job in jobs)]
    left_ms = await connection.pipeline([("PTTL", name) for name in names])
    return [name for name, left in zip(names, left_ms, strict=True) if left == -1]
