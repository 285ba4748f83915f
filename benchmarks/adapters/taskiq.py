"""taskiq with taskiq-redis: the stream broker, results asked for every 10 ms instead of 200."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from harness import noop
from harness.contender import CONCURRENCY, REDIS, UVLOOP, Place
from harness.flow import submitted_and_collected

CHECK_S = 0.01
REQUIREMENTS = ("taskiq==0.13.0", "taskiq-redis==1.2.4", *REDIS, UVLOOP)
SETTING = (
    f"RedisStreamBroker, {CONCURRENCY} async tasks, prefetch 100, check_interval 10 ms, uvloop"
)
LOOP = "uvloop"


def _task(place: Place):
    from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

    backend = RedisAsyncResultBackend(place.url, result_ex_time=600)
    broker = RedisStreamBroker(place.url).with_result_backend(backend)
    return broker.register_task(noop.double, task_name="double"), broker


async def work(place: Place) -> None:
    from taskiq.api import run_receiver_task

    _, broker = _task(place)
    broker.is_worker_process = True
    await broker.startup()
    place.ready()
    await run_receiver_task(broker, max_async_tasks=CONCURRENCY, max_prefetch=100)


class TaskiqClient:
    def __init__(self, task) -> None:
        self._task = task

    async def run(self, number: int) -> int:
        return await self._result(await self._task.kiq(number))

    def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        return submitted_and_collected(self._task.kiq, self._result, numbers)

    async def _result(self, sent) -> int:
        return (await sent.wait_result(check_interval=CHECK_S)).return_value


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[TaskiqClient]:
    task, broker = _task(place)
    await broker.startup()
    try:
        yield TaskiqClient(task)
    finally:
        await broker.shutdown()
