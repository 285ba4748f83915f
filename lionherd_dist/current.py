"""The cluster that a task runs in, for the task's own use: limiters, calls of its own."""

import asyncio

from lionherd_dist.cluster.cluster import Cluster, hosted
from lionherd_dist.place import Place, place_here


def current_cluster() -> Cluster:
    """The cluster of the worker that runs this task; opened when it is first used, closed with it.

    ``async with current_cluster().capacity_limiter("api", 50): ...`` needs no plumbing.

    Raises:
        RuntimeError: this is not the body of an ``async def`` task on a worker. Elsewhere, open a
            cluster: ``async with Cluster(...)``.
    """
    place = place_here()
    if place is None:
        raise RuntimeError(
            "current_cluster() is for the bodies of tasks that a worker runs; elsewhere, open one: "
            "async with Cluster(...) as cluster"
        )
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "current_cluster() is for async tasks, and this one is a def, which runs in a thread: "
            "make it an async def"
        ) from None
    return place.once(_opened)


def _opened(place: Place) -> Cluster:
    return hosted(place.address, place.settings, place.recorder, place.tracer, place.begin)
