"""RQ; its SimpleWorker, which runs jobs in the worker's own process instead of forking for each."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import islice

from harness.contender import REDIS, Place
from harness.noop import double_now

CHUNK = 100
WAIT_S = 60
REQUIREMENTS = ("rq==3.0.0", *REDIS)
SETTING = f"SimpleWorker, enqueue_many by {CHUNK}, blocking client"
LOOP = "asyncio"


def _queue(place: Place):
    from redis import Redis
    from rq import Queue

    return Queue("bench", connection=Redis.from_url(place.url))


def work(place: Place) -> None:
    from rq import SimpleWorker

    queue = _queue(place)
    place.ready()
    SimpleWorker([queue], connection=queue.connection).work(logging_level="ERROR")


class RqClient:
    def __init__(self, queue) -> None:
        self._queue = queue

    async def run(self, number: int) -> int:
        job = self._queue.enqueue(double_now, number, result_ttl=600)
        return job.latest_result(timeout=WAIT_S).return_value

    async def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        """All are submitted; then each result is waited for, in the order of submission."""
        waiting = iter(numbers)
        jobs = []
        while chunk := list(islice(waiting, CHUNK)):
            calls = [
                self._queue.prepare_data(double_now, (number,), result_ttl=600) for number in chunk
            ]
            jobs += zip(chunk, self._queue.enqueue_many(calls), strict=True)
        for number, job in jobs:
            yield number, job.latest_result(timeout=WAIT_S).return_value


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[RqClient]:
    yield RqClient(_queue(place))
