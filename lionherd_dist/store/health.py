"""Is the server there, and a worker of some machine: two cheap questions."""

from typing import cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.places import shown_place
from lionherd_dist.store.reading import server_ms
from lionherd_dist.store.tolerant import moment, read_each, read_one


async def answers(connection: Connection) -> bool:
    """True if the server answers as a server does."""
    return await connection.call("PING") == b"PONG"


async def live_workers_at(connection: Connection, keys: Keys, host: str) -> int:
    """How many workers of the machine *host* have a session that has not expired."""
    flat = cast("list[bytes]", await read_one(connection, "HGETALL", keys.places))
    here = [
        session
        for session, place in zip(flat[::2], flat[1::2], strict=True)
        if shown_place(place).rpartition(":")[0] == host
    ]
    if not here:
        return 0
    now_ms = await server_ms(connection)
    slots, ends = await read_each(
        connection, [("HMGET", keys.slots, *here), ("ZMSCORE", keys.sessions, *here)]
    )
    pairs = zip(cast("list[bytes | None]", slots), cast("list[bytes | None]", ends), strict=True)
    return sum(1 for slot, end in pairs if slot and end and moment(end) > now_ms)
