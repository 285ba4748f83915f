"""One limiter, its slots and its total, as the driver changes and watches them."""

import time
from pathlib import Path
from typing import cast

import anyio
from chaos.watch import KEYS

from chaos_limiter.evidence import Ledger, Sample
from chaos_limiter.plan import bound_file
from lionherd_dist.limiter.shared import SharedLimiter
from lionherd_dist.store.connection import Connection

SAMPLE_EVERY_S = 0.005
LOOK = """
local key = KEYS[1]
local found = redis.call('HMGET', key, 'total', 'fence')
return {redis.call('ZRANGE', key .. ':held', 0, -1, 'WITHSCORES'), found[1], found[2]}
"""


class Counter:
    """Keeps what happens to the limiter *name* in its ledger."""

    def __init__(self, name: str, total: int, directory: Path, connection: Connection) -> None:
        self.name, self.ledger = name, Ledger()
        self._directory, self._connection = directory, connection
        self._resizing = anyio.Lock()
        self._set_slots(total, time.monotonic())

    async def resize(self, limiter: SharedLimiter, total: int) -> None:
        """More slots before there are more tokens; fewer only when so few tokens are lent."""
        async with self._resizing:
            now = time.monotonic()
            if total > self._slots:
                self._set_slots(total, now)
            await limiter.set_total_tokens(total)
            self.ledger.totals.steps.append((now, time.monotonic(), total))

    async def watch(self) -> None:
        """Ask the server which tokens are lent, again and again."""
        while True:
            async with self._resizing:  # or what is seen may be of before, and the total of after
                await self._look()
            await anyio.sleep(SAMPLE_EVERY_S)

    async def _look(self) -> None:
        before = time.monotonic()
        reply = await self._connection.call("EVAL", LOOK, "1", KEYS.limit(self.name))
        held, total, fence = cast("tuple[list[bytes], bytes | None, bytes | None]", reply)
        if total is None or fence is None:
            return
        lent = {
            member.decode(): int(score) for member, score in zip(held[::2], held[1::2], strict=True)
        }
        sample = Sample(before, time.monotonic(), lent, int(total), int(fence))
        self.ledger.samples.append(sample)
        if len(lent) <= sample.total == self.ledger.totals.steps[-1][2] < self._slots:
            self._set_slots(sample.total, before)

    @property
    def _slots(self) -> int:
        return self.ledger.slots.steps[-1][2]

    def _set_slots(self, count: int, asked_at: float) -> None:
        path = bound_file(self._directory, self.name)
        new = path.with_suffix(".new")
        new.write_text(str(count))
        new.replace(path)
        self.ledger.slots.steps.append((asked_at, time.monotonic(), count))
