"""A client that streams very many calls and says what is used on the way, as lines of JSON.

``python -m cluster_parts.million URL WORKER_PID COUNT``
"""

import asyncio
import json
import os
import sys

from redis.asyncio import Redis

from cluster_parts import gauges
from cluster_parts.ours import open_client

LIMIT = 100
FIRST_LOOK = 10_000  # outcomes after which everything has its working size
LOOK_EVERY = 50_000


async def main(url: str, worker_pid: int, count: int) -> None:
    async with open_client(url) as client, Redis.from_url(url) as redis:
        done = total = 0
        async for index, value in client.stream((n for n in range(count)), limit=LIMIT):
            if value != 2 * index:
                raise AssertionError(f"call {index} gave {value}")
            done += 1
            total += index
            if done in {FIRST_LOOK, count} or done % LOOK_EVERY == 0:
                used = {
                    "done": done,
                    "client": gauges.resident_bytes(os.getpid()),
                    "worker": gauges.resident_bytes(worker_pid),
                    "server": await gauges.used_bytes(redis),
                }
                print(json.dumps(used), flush=True)
        if (done, total) != (count, count * (count - 1) // 2):
            raise AssertionError(f"{count} calls gave {done} outcomes, not one for each")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
