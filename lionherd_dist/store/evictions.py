"""Whether a server has dropped keys to make room: what was lost with them is lost for good."""

from collections.abc import Mapping

import anyio

from lionherd_dist.errors import LionherdError
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.server_facts import info_of

ANSWER_S = 1.0  # a server that is away is not asked for long


def eviction(info: Mapping[str, str]) -> str:
    """What to add to the reason of a loss, by the server's INFO; "" if it drops no keys."""
    policy, count = info.get("maxmemory_policy", "noeviction"), info.get("evicted_keys", "0")
    if policy == "noeviction" or not count.isdecimal() or not int(count):
        return ""
    return (
        f"; the server has evicted {int(count):,} keys since it was started, as its "
        f"maxmemory-policy is {policy}: set it to noeviction (`lionherd-dist doctor` checks it)"
    )


async def asked_for_evictions(connection: Connection) -> str:
    """The same, asked of the server; "" if it does not answer in a second, or may not be asked."""
    with anyio.move_on_after(ANSWER_S):
        try:
            replies = await connection.try_each([("INFO", "memory"), ("INFO", "stats")])
        except LionherdError:
            return ""
        memory, stats = map(info_of, replies)
        return eviction({**memory, **stats})
    return ""
