"""One contender, one case: its processes start, measure and are gone."""

import asyncio
from array import array
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from harness.stage import finished, place_for, process

from limiting.cases import Case
from limiting.contender import full, load
from limiting.tally import Tally

VISIT_S = 60.0


async def visit(name: str, case: Case, seconds: float) -> dict[str, float]:
    """The figures of *name* in *case*.

    Returns:
        pairs per second, the most holders seen at once, how many there may be, Jain's index over
        the processes, and quantiles of the wait in ms.

    Raises:
        BrokenContenderError: a process of it failed.
    """
    async with place_for(0) as place, AsyncExitStack() as stack:
        Tally.create(Path(place.directory) / "tally", case.processes)
        children = [
            await stack.enter_async_context(
                process(
                    full(name),
                    "limiting.client",
                    replace(place, number=number),
                    *(name, case.name, str(seconds)),
                )
            )
            for number in range(case.processes)
        ]
        each = await asyncio.gather(*(finished(name, child, VISIT_S) for child in children))
        waits = array("d")
        for number in range(case.processes):
            waits.frombytes((Path(place.directory) / f"waits-{number}").read_bytes())
    pairs = [one["pairs"] for one in each]
    return {
        "per_s": sum(pairs) / seconds,
        "peak": max(one["peak"] for one in each),
        "total": min(case.total, load(name).MOST or case.total),
        "jain": jain(pairs),
        **quantiles_ms(waits),
    }


def jain(shares: Sequence[float]) -> float:
    """1 where all have the same share, 1/n where one of n has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


def quantiles_ms(waits_s: Sequence[float]) -> dict[str, float]:
    """p50 and p99 of *waits_s*, and the longest, in ms."""
    if not waits_s:
        return {}
    ordered = sorted(waits_s)
    last = len(ordered) - 1
    return {
        "p50_ms": ordered[round(last * 0.5)] * 1000,
        "p99_ms": ordered[round(last * 0.99)] * 1000,
        "most_ms": ordered[last] * 1000,
    }
