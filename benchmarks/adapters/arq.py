"""arq, polling at 20 ms on both sides: at its default of 500 ms it is half as fast."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from harness import noop
from harness.contender import CONCURRENCY, HIREDIS, UVLOOP, Place
from harness.flow import submitted_and_collected

POLL_S = 0.02
REQUIREMENTS = ("arq==0.28.0", "redis==5.3.1", HIREDIS, UVLOOP)  # arq refuses newer redis-py
SETTING = f"max_jobs {CONCURRENCY}, poll_delay 20 ms, uvloop"
LOOP = "uvloop"


async def double(ctx: dict[str, object], number: int) -> int:
    return await noop.double(number)


async def work(place: Place) -> None:
    from arq.connections import RedisSettings
    from arq.worker import Worker

    async def on_startup(ctx: dict[str, object]) -> None:
        place.ready()

    worker = Worker(
        functions=[double],
        redis_settings=RedisSettings(unix_socket_path=place.socket),
        max_jobs=CONCURRENCY,
        poll_delay=POLL_S,
        keep_result=600,
        on_startup=on_startup,
        log_results=False,
    )
    await worker.async_run()


class ArqClient:
    def __init__(self, pool) -> None:
        self._pool = pool

    async def run(self, number: int) -> int:
        return await self._result(await self._submit(number))

    def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        return submitted_and_collected(self._submit, self._result, numbers)

    async def _submit(self, number: int):
        return await self._pool.enqueue_job("double", number)

    async def _result(self, job) -> int:
        return await job.result(poll_delay=POLL_S)


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[ArqClient]:
    from arq.connections import RedisSettings, create_pool

    pool = await create_pool(RedisSettings(unix_socket_path=place.socket))
    try:
        yield ArqClient(pool)
    finally:
        await pool.aclose()
