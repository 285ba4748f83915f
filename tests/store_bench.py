"""The store's verbs by hand: what a client and a worker do, one step at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from lionherd_dist.store.calls import Calls, Done, Taken, taken_of
from lionherd_dist.store.connection import Connection, Reply
from lionherd_dist.store.jobs import Chunk, accepted, cancel_jobs, submit_request
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.limits import Ask, Lent, leave_request, lend_request, lent_of
from lionherd_dist.store.outcomes import Inbox, News
from lionherd_dist.store.sessions import Capacity, hello

TTL_MS = 60_000


@dataclass
class Bench:
    """The store's own verbs, with short names."""

    connection: Connection
    keys: Keys

    async def hello(
        self, session: str, *, slots: int = 0, ttl_ms: int = TTL_MS, place: str = ""
    ) -> bool:
        capacity = Capacity(slots, ("tasks:double",) if slots else ())
        welcome = await hello(
            *(self.connection, self.keys, session), ttl_ms=ttl_ms, capacity=capacity, place=place
        )
        return welcome is not None

    async def submit(self, session: str, *chunks: Chunk) -> list[int] | None:
        return accepted(await self.connection.run(*submit_request(self.keys, session, chunks)))

    async def take(self, session: str, most: int = 100) -> list[Taken]:
        """Like a worker, but without waiting for the first."""
        reply = await self.connection.call(
            *("XREADGROUP", "GROUP", "workers", session, "COUNT", most),
            *("STREAMS", self.keys.calls, ">"),
        )
        if not reply:
            return []
        ((_, entries),) = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        return [taken_of(entry, fields) for entry, fields in entries]

    def hand(self, session: str) -> Calls:
        return Calls(self.keys, session)

    async def finish(self, session: str, taken: Sequence[Taken], outcome: bytes = b"ok") -> int:
        """How many were dropped; -1 if the session is lost."""
        done = [Done(one, outcome) for one in taken]
        recorded = await self.hand(session).finish(self.connection, done)
        return -1 if recorded is None else recorded.dropped

    async def promote(self, session: str) -> None:
        """All that is due, or behind, in as many scripts as it takes."""
        while await self.hand(session).promote(self.connection) == 0:
            pass

    async def lend(self, session: str, ask: Ask) -> Lent | None:
        return lent_of(await self.connection.run(*lend_request(self.keys, session, ask)), ask)

    async def leave(self, session: str, name: str) -> None:
        await self.connection.run(*leave_request(self.keys, session, name))

    async def cancel(self, *jobs: str, by: str = "C") -> list[int]:
        return await cancel_jobs(self.connection, self.keys, jobs, by=by)

    async def news(self, session: str) -> list[News]:
        key = self.keys.inbox(session)
        if await self.connection.call("XLEN", key) == 0:
            return []
        return await Inbox(self.connection, self.keys, session).read()

    async def outcomes(self, session: str) -> list[tuple[int, bytes]]:
        return [one for news in await self.news(session) for one in news.outcomes]

    async def state(self) -> dict[str, Reply]:
        """Everything the namespace holds, for comparing byte for byte."""
        names = await self.connection.call("KEYS", self.keys.prefix + "*")
        assert isinstance(names, list)
        state: dict[str, Reply] = {}
        for name in names:
            assert isinstance(name, bytes)
            state[name.decode()] = await self.connection.call("DUMP", name)
        return state


CHUNK = Chunk(
    number=1, limit=0, cap=1000, left_ms=-1, keep_ms=0, first=0, total=-1, consumed=0, calls=()
)


def wish(first: int = 1, count: int = 0, *ends: int, look: bool = False) -> Ask:
    """*count* requests from number *first*, and an end to those numbered *ends*."""
    return Ask("api", 2, 0, look=look, first=first, new=count, ends=ends, impatient=())


def chunk(first: int = 0, count: int = 0, **changes: int) -> Chunk:
    """*count* calls ``c<index>`` from index *first*."""
    calls = [b"c%d" % index for index in range(first, first + count)]
    return replace(CHUNK, first=first, calls=calls, **changes)
