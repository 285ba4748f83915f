"""dramatiq; one process of eight threads, its default, without the Prometheus middleware."""

import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from harness.contender import REDIS, Place
from harness.noop import double_now

THREADS = 8
REQUIREMENTS = ("dramatiq==2.2.1", *REDIS)
SETTING = f"1 process, {THREADS} threads, blocking client"
LOOP = "asyncio"


def _actor(place: Place):
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.results import Results
    from dramatiq.results.backends.redis import RedisBackend

    broker = RedisBroker(url=place.url)
    broker.add_middleware(Results(backend=RedisBackend(url=place.url), store_results=True))
    dramatiq.set_broker(broker)
    return dramatiq.actor(double_now, broker=broker)


def work(place: Place) -> None:
    import dramatiq

    worker = dramatiq.Worker(_actor(place).broker, worker_threads=THREADS)
    worker.start()
    place.ready()
    signal.pause()


class DramatiqClient:
    def __init__(self, actor) -> None:
        self._actor = actor

    async def run(self, number: int) -> int:
        return self._actor.send(number).get_result(block=True, timeout=60_000)

    async def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        sent = [(number, self._actor.send(number)) for number in numbers]
        for number, message in sent:
            yield number, message.get_result(block=True, timeout=60_000)


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[DramatiqClient]:
    yield DramatiqClient(_actor(place))
