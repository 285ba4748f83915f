"""A worker process of either contender: ``python -m cluster_parts.worker ours|raw URL``."""

import asyncio
import signal
import sys

from cluster_parts import ours, raw

CONCURRENCY = 100
READY = "ready"


async def main(contender: str, url: str) -> None:
    worker = {"ours": ours, "raw": raw}[contender].new_worker(url, CONCURRENCY)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run(on_ready=lambda: print(READY, flush=True))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
