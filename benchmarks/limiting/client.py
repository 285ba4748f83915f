"""A process that takes tokens and gives them back; prints what it counted."""

import asyncio
import json
import sys
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from harness.contender import Place
from harness.loop import run

from limiting.cases import CASES, Case
from limiting.contender import Entering, load
from limiting.tally import Tally

READY, DONE = 1, 2
WARM_S = 0.5  # processes do not start at the same moment
POLL_S = 0.005
END_S = 20.0  # a coroutine that still waits after so long was forgotten


@dataclass(slots=True)
class Count:
    """What happened between *start* and *end*, seconds by ``perf_counter``."""

    start: float
    end: float
    pairs: int = 0
    waits: "array[float]" = field(default_factory=lambda: array("d"))


async def _coroutine(entering: Entering, case: Case, tally: Tally, count: Count) -> None:
    asked = perf_counter()
    while asked < count.end:
        async with entering():
            got = perf_counter()
            if case.hold:  # else nobody else can run meanwhile, and be counted
                tally.enter()
                await asyncio.sleep(0)
                tally.leave()
        waited, asked = got - asked, perf_counter()
        if count.start <= asked < count.end:
            count.pairs += 1
            count.waits.append(waited)


async def _together(tally: Tally, stage: int) -> None:
    tally.reach(stage)
    while not tally.all_at(stage):
        await asyncio.sleep(POLL_S)


async def _measure(name: str, case: Case, seconds: float, place: Place) -> dict[str, float]:
    directory = Path(place.directory)
    tally = Tally(directory / "tally", case.processes, place.number)
    total = min(case.total, load(name).MOST or case.total)
    async with load(name).open_limiter(place, total) as entering:
        await _together(tally, READY)
        start = perf_counter() + WARM_S
        count = Count(start, start + seconds)
        work = [
            asyncio.create_task(_coroutine(entering, case, tally, count))
            for _ in range(case.coroutines)
        ]
        _, stuck = await asyncio.wait(work, timeout=WARM_S + seconds + END_S)
        for task in work:
            if task not in stuck:
                task.result()
        if stuck:
            raise RuntimeError(f"{len(stuck)} coroutines wait {END_S:g} s after the end")
        await _together(tally, DONE)  # what others need may be in this process
    (directory / f"waits-{place.number}").write_bytes(count.waits.tobytes())
    return {"pairs": count.pairs, "peak": tally.peak}


def main() -> None:
    name, case, seconds = sys.argv[1:]
    work = _measure(name, CASES[case], float(seconds), Place.here())
    print(json.dumps(run(work, "uvloop")), flush=True)


if __name__ == "__main__":
    main()
