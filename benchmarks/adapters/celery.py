"""celery; a pool of eight threads, which is faster than its default of processes here."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from harness.contender import REDIS, Place
from harness.noop import double_now

THREADS = 8
REQUIREMENTS = ("celery==5.7.0", "kombu==5.7.0", "packaging==26.3", *REDIS)
SETTING = f"{THREADS} threads, prefetch 100, no gossip, mingle or heartbeat, blocking client"
LOOP = "asyncio"


def _app(place: Place):
    from celery import Celery

    url = f"redis+socket://{place.socket}"
    app = Celery("bench", broker=url, backend=f"{url}?virtual_host=0")
    app.conf.update(
        worker_prefetch_multiplier=100,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        result_expires=600,
    )
    app.task(double_now, name="double")
    return app


def work(place: Place) -> None:
    from celery.signals import worker_ready

    app = _app(place)
    worker_ready.connect(lambda **_: place.ready(), weak=False)
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
    name = f"--hostname=bench{place.number}@%h"
    app.worker_main(["worker", "--pool=threads", f"--concurrency={THREADS}", name, *quiet])


class CeleryClient:
    def __init__(self, app) -> None:
        self._task = app.tasks["double"]

    async def run(self, number: int) -> int:
        return self._task.delay(number).get()

    async def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        from celery.result import ResultSet

        sent = {(result := self._task.delay(number)).id: (number, result) for number in numbers}
        for key, meta in ResultSet([result for _, result in sent.values()]).iter_native():
            yield sent[key][0], meta["result"]


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[CeleryClient]:
    yield CeleryClient(_app(place))
