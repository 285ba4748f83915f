"""A worker of the scale runs: ``python -m scaling.worker``."""

from harness.contender import CONCURRENCY, Place
from harness.loop import run

from lionherd_dist import Worker
from scaling import tasks

LOOP = "uvloop"


async def main(place: Place) -> None:
    worker = Worker(tasks, redis=place.url, concurrency=CONCURRENCY)
    await worker.run(on_ready=place.ready)


if __name__ == "__main__":
    run(main(Place.here()), LOOP)
