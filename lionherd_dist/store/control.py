"""What all workers of a namespace are told: which jobs were cancelled."""

from typing import cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

BLOCK_MS = 5_000


class Control:
    """A reader of the control stream; every worker reads all of it. Cancelling a read is safe."""

    def __init__(self, connection: Connection, keys: Keys, after: bytes) -> None:
        self._connection, self._key, self._last = connection, keys.control, after

    async def read(self) -> list[str]:
        """The ids of the jobs cancelled since the last read; waits up to five seconds."""
        reply = await self._connection.call(
            *("XREAD", "COUNT", 1000, "BLOCK", BLOCK_MS, "STREAMS", self._key, self._last)
        )
        if not reply:
            return []
        ((_, entries),) = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        self._last = entries[-1][0]
        return [fields[1].decode(errors="replace") for _, fields in entries if len(fields) > 1]
