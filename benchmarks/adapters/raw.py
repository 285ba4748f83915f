"""What a careful hand would write for this very work, and nothing besides: the limit of redis-py.

Two streams, batches on every way, one reader that blocks, everything deleted as it is read:

    client ──XADD of 200──▶ calls ──XREADGROUP──▶ worker ──XACK, XDEL, XADD of 200──▶ replies
       ▲                                                                                 │
       └──────────────────────── XTRIM of what was read, XREAD BLOCK ────────────────────┘

No deadline, retry, cancellation, limit, takeover of a dead worker's calls, nor any check of what
arrives: it is a floor to compare with, no rival.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import islice

import msgpack
from harness.contender import REDIS, UVLOOP, Place
from harness.noop import double
from redis.asyncio import Redis
from redis.exceptions import ResponseError

REQUIREMENTS = (*REDIS, "msgpack==1.2.4", UVLOOP)
SETTING = "redis-py pipelines of 200, 1,000 ahead, uvloop"
LOOP = "uvloop"

CALLS, REPLIES, GROUP = "raw:calls", "raw:replies", "workers"
CHUNK = 200  # calls per pipeline
AHEAD = 1_000  # calls sent and not yet answered
TAKE = 200  # calls per XREADGROUP
BLOCK_MS = 2_000


class RawClient:
    """The operations that are measured, over two connections: one writes, the other reads."""

    def __init__(self, write: Redis, read: Redis) -> None:
        self._write, self._read = write, read
        self._last = b"0-0"
        self._answered = asyncio.Event()
        self._open = 0

    async def run(self, number: int) -> int:
        reading = asyncio.ensure_future(self._replies())  # it waits before the call is sent
        await self._send([number])
        ((_, value),) = await reading
        return value

    async def stream(self, numbers: Iterable[int]) -> AsyncGenerator[tuple[int, int], None]:
        feeding = asyncio.ensure_future(self._feed(iter(numbers)))
        try:
            while self._open or not feeding.done():
                for reply in await self._replies():
                    yield reply
        finally:
            feeding.cancel()

    async def _feed(self, numbers: Iterable[int]) -> None:
        while chunk := list(islice(numbers, CHUNK)):
            while self._open > AHEAD - CHUNK:
                self._answered.clear()
                await self._answered.wait()
            await self._send(chunk)

    async def _send(self, chunk: list[int]) -> None:
        self._open += len(chunk)
        pipe = self._write.pipeline(transaction=False)
        for number in chunk:
            pipe.xadd(CALLS, {b"c": msgpack.packb([number, [number]])})
        await pipe.execute()

    async def _replies(self) -> list[tuple[int, int]]:
        pipe = self._read.pipeline(transaction=False)
        if self._last != b"0-0":
            pipe.xtrim(REPLIES, minid=_after(self._last), approximate=False)
        pipe.xread({REPLIES: self._last}, block=BLOCK_MS)
        reply = (await pipe.execute())[-1]
        if not reply:
            return []
        ((_, entries),) = reply
        self._last = entries[-1][0]
        self._open -= len(entries)
        self._answered.set()
        return [tuple(msgpack.unpackb(fields[b"r"])) for _, fields in entries]


def _after(entry: bytes) -> bytes:
    ms, _, sequence = entry.partition(b"-")
    return b"%s-%d" % (ms, int(sequence) + 1)


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[RawClient]:
    # protocol=2: what this project speaks as well
    write, read = (Redis.from_url(place.url, protocol=2) for _ in range(2))
    async with write, read:
        yield RawClient(write, read)


async def work(place: Place) -> None:
    """One loop: take a batch, run it, tell of it."""
    async with Redis.from_url(place.url, protocol=2) as redis:
        with suppress(ResponseError):  # the other worker has made the group
            await redis.xgroup_create(CALLS, GROUP, "0", mkstream=True)
        place.ready()
        while True:
            reply = await redis.xreadgroup(
                GROUP, f"worker-{place.number}", {CALLS: ">"}, count=TAKE, block=BLOCK_MS
            )
            if reply:
                ((_, entries),) = reply
                await _work(redis, entries)


async def _work(redis: Redis, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
    replies: list[bytes] = []
    for _, fields in entries:
        index, args = msgpack.unpackb(fields[b"c"])
        replies.append(msgpack.packb([index, await double(*args)]))
    ids = [entry for entry, _ in entries]
    pipe = redis.pipeline(transaction=False)
    pipe.xack(CALLS, GROUP, *ids)
    pipe.xdel(CALLS, *ids)
    for reply in replies:
        pipe.xadd(REPLIES, {b"r": reply})
    await pipe.execute()
