"""The backend's clock, and waiting by it."""

import math

import anyio

from lionherd_dist.arguments import number

_A_TIME = "give a number of seconds"


def current_time() -> float:
    """Seconds on the running event loop's monotonic clock; deadlines are points on it."""
    return anyio.current_time()


async def sleep(seconds: float) -> None:
    """Let other tasks run for *seconds*; with 0 or less, once."""
    if type(seconds) is not float or not seconds >= 0:
        seconds = max(0, number("seconds", seconds, least=-math.inf, instead=_A_TIME))
    await anyio.sleep(seconds)
