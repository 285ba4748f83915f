"""What the server itself says: calls in hand while it runs; dead letters and keys at the end."""

from typing import cast

import anyio

from chaos.records import Records
from lionherd_dist.errors import LionherdError
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.messages import decode_call

LOOK_EVERY_S = 0.05
KEYS = Keys("chaos")


async def names(connection: Connection, pattern: str) -> list[str]:
    """The keys of the namespace that *pattern* fits."""
    found = cast("list[bytes]", await connection.call("KEYS", KEYS.prefix + pattern))
    return sorted(name.decode() for name in found)


async def watch_hands(url: str, records: Records) -> None:
    """Note how many calls of each job are in hand, and how many may be, until cancelled."""
    connection = Connection(url, name="chaos-watch")
    try:
        while True:
            try:
                for hand in await names(connection, "job:*:hand"):
                    job = hand.removesuffix(":hand")
                    count, limit = await connection.pipeline(
                        [("HLEN", hand), ("HGET", job, "limit")]
                    )
                    if isinstance(count, int) and isinstance(limit, bytes):
                        most = records.hands.get(job, (0, 0))[0]
                        records.hands[job] = (max(most, count), int(limit))
            except LionherdError:
                pass  # it is just being restarted
            await anyio.sleep(LOOK_EVERY_S)
    finally:
        await connection.close()


async def read_dead_letters(connection: Connection) -> list[tuple[str, int]]:
    """The label and index of each dead letter, as its payload has them."""
    reply = await connection.call("XRANGE", KEYS.dead, "-", "+")
    letters: list[tuple[str, int]] = []
    for _, fields in cast("list[tuple[bytes, list[bytes]]]", reply):
        letter = dict(zip(fields[::2], fields[1::2], strict=True))
        if b"o" not in letter:  # it never was a call: somebody else wrote it
            continue
        args = decode_call(letter[b"p"], Limits()).args
        item = args[0] if len(args) == 1 else args  # bounded_map's calls have one argument
        label, index, *_ = cast("tuple[str, int]", item)
        letters.append((label, index))
    return letters


async def kept_jobs(connection: Connection) -> set[str]:
    """The ids of the submitted jobs that nobody has read to the end."""
    return {
        job.decode()
        for job in cast("list[bytes]", await connection.call("ZRANGE", KEYS.prefix + "kept", 0, -1))
    }
