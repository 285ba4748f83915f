"""What all workers of a namespace are told: jobs that were cancelled, and that some are behind."""

from dataclasses import dataclass
from typing import cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

BLOCK_MS = 5_000


@dataclass(frozen=True, slots=True)
class Words:
    """What is new.

    Args:
        cancelled: ids of jobs.
        behind: calls of some job had to wait for the next script, and are to be promoted.
    """

    cancelled: list[str]
    behind: bool


class Control:
    """A reader of the control stream; every worker reads all of it. Cancelling a read is safe."""

    def __init__(self, connection: Connection, keys: Keys, after: bytes) -> None:
        self._connection, self._key, self._last = connection, keys.control, after

    async def read(self) -> Words:
        """What was said since the last read; waits up to five seconds."""
        reply = await self._connection.call(
            *("XREAD", "COUNT", 1000, "BLOCK", BLOCK_MS, "STREAMS", self._key, self._last)
        )
        if not reply:
            return Words([], behind=False)
        ((_, entries),) = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        self._last = entries[-1][0]
        said = [(fields[0], fields[1]) for _, fields in entries if len(fields) > 1]
        cancelled = [job.decode(errors="replace") for word, job in said if word == b"cancel"]
        return Words(cancelled, behind=any(word == b"behind" for word, _ in said))
