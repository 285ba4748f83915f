"""What the workers of ``compose.yaml`` run: examples to try, and the place for tasks of your own.

``survey`` is the demonstration's task. It is defined in the package, because ``lionherd-dist demo``
has to work where this folder is not; here it is a task like any other:

    find . -name '*.py' | lionherd-dist map worker.tasks:survey --lines
"""

import math

from lionherd_dist import Retry, sleep, task
from lionherd_dist.cli.survey import survey

__all__ = ("echo", "fetch", "primes_below", "survey")


@task
async def echo(value: object) -> object:
    """*value*, as it came back from a worker."""
    return value


@task(retry=Retry(attempts=3, retry_on=(ConnectionError,)), timeout=30)
async def fetch(seconds: float) -> float:
    """Wait as long as a slow server would, without holding the worker up."""
    await sleep(seconds)
    return seconds


@task
def primes_below(limit: int) -> int:
    """How many primes there are below *limit*: a plain function, which runs in a thread."""
    sieve = bytearray([1]) * max(limit, 2)
    sieve[:2] = b"\0\0"
    for number in range(2, math.isqrt(len(sieve)) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(
                len(range(number * number, len(sieve), number))
            )
    return sum(sieve[:limit])
