"""Failures let go of what their callers hold: no pattern leaves a ring of references."""

import asyncio
import gc
import weakref
from contextlib import suppress

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import (
    CompletionStream,
    bounded_map,
    gather,
    race,
    retry,
)

pytestmark = pytest.mark.anyio


class Payload:
    """Something large that a failing function holds in its frame."""


class Payloads:
    """Functions whose frames hold a payload each, of which weak references are kept."""

    def __init__(self):
        self.made = []
        self.waiting = []

    def payload(self):
        payload = Payload()
        self.made.append(weakref.ref(payload))
        return payload

    async def fail(self, item=0):
        payload = self.payload()
        await anyio.lowlevel.cancel_shielded_checkpoint()
        raise ValueError(type(payload))

    async def wait(self, item=0):
        payload = Payload()
        self.waiting.append(weakref.ref(payload))
        await anyio.sleep_forever()
        return payload

    async def first_fails(self, item):
        await (self.wait() if item else self.fail())

    def failing_source(self, make):
        payload = self.payload()
        yield make(0)
        raise ValueError(type(payload))

    async def failing_async_source(self, make):
        payload = self.payload()
        yield make(0)
        await anyio.lowlevel.checkpoint()
        raise ValueError(type(payload))


async def read(aws, **options):
    async with CompletionStream(aws, **options) as stream:
        return [outcome async for outcome in stream]


async def leave_by_an_error(p, limit):
    async with CompletionStream([p.wait(), p.wait()], limit=limit):
        payload = p.payload()
        await anyio.lowlevel.checkpoint()
        raise ValueError(type(payload))


async def read_while_a_task_fails(p, limit):
    async with CompletionStream([p.first_fails(0), p.wait()], limit=limit):
        payload = p.payload()
        await anyio.sleep_forever()
        del payload


async def raise_another(error, attempt, delay_s):
    raise KeyError(attempt) from error


CASES = {
    "gather": lambda p: gather(*[p.first_fails(item) for item in range(3)]),
    "gather of failures": lambda p: gather(p.fail(), p.fail()),
    "gather with exceptions": lambda p: gather(p.fail(), p.fail(), return_exceptions=True),
    "gather with exceptions, cancelled": lambda p: gather(
        p.fail(), p.wait(), return_exceptions=True
    ),
    "gather cancelled": lambda p: gather(p.wait(), p.wait()),
    "gather of gathers": lambda p: gather(gather(p.fail(), p.wait()), p.wait()),
    "race": lambda p: race(p.fail(), p.wait()),
    "race of losers": lambda p: race(p.wait(), anyio.lowlevel.checkpoint(), p.wait()),
    "race for success": lambda p: race(p.fail(), p.fail(), first="success"),
    "race cancelled": lambda p: race(p.wait(), p.wait()),
    "race of a race": lambda p: race(race(p.fail(), p.wait()), p.wait()),
    "bounded_map": lambda p: bounded_map(p.first_fails, range(5), limit=3),
    "bounded_map with exceptions": lambda p: bounded_map(
        p.fail, range(5), limit=2, return_exceptions=True
    ),
    "bounded_map cancelled": lambda p: bounded_map(p.wait, range(5), limit=2),
    "bounded_map, source": lambda p: bounded_map(
        p.wait, p.failing_source(lambda item: item), limit=2
    ),
    "bounded_map, async source": lambda p: bounded_map(
        p.wait, p.failing_async_source(lambda item: item), limit=2
    ),
    "stream": lambda p: read([p.first_fails(item) for item in range(3)]),
    "stream, limit": lambda p: read([p.first_fails(item) for item in range(3)], limit=2),
    "stream with exceptions": lambda p: read([p.fail(), p.fail()], return_exceptions=True),
    "stream with exceptions, limit": lambda p: read(
        [p.fail(), p.fail()], limit=2, return_exceptions=True
    ),
    "stream, source": lambda p: read(p.failing_source(p.wait), limit=2),
    "stream, async source": lambda p: read(p.failing_async_source(p.wait), limit=2),
    "stream cancelled": lambda p: read([p.wait(), p.wait()]),
    "stream left by an error": lambda p: leave_by_an_error(p, None),
    "stream with a limit left by an error": lambda p: leave_by_an_error(p, 2),
    "stream whose block waits": lambda p: read_while_a_task_fails(p, None),
    "stream with a limit whose block waits": lambda p: read_while_a_task_fails(p, 2),
    "retry": lambda p: retry(p.fail, attempts=3, base_delay=0),
    "retry, other errors": lambda p: retry(p.fail, retry_on=(KeyError,)),
    "retry of a gather": lambda p: retry(
        lambda: gather(p.fail(), p.wait()), attempts=2, base_delay=0
    ),
    "retry whose callback raises": lambda p: retry(p.fail, on_retry=raise_another),
}


async def once(case, payloads):
    """Run *case*, and cancel it when it only waits; what it raises is dropped."""

    async def run():
        with suppress(Exception):
            await case(payloads)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()


async def bare_task_group(payloads):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(payloads.fail)
        tasks.start_soon(payloads.wait)


async def left_by(case):
    """How many payloads of failures, and of what was cancelled, are alive after *case*.

    Without the garbage collector.
    """
    payloads = Payloads()
    gc.collect()
    gc.disable()
    try:
        await once(case, payloads)
        await anyio.lowlevel.checkpoint()  # the loop's own step holds what it has just thrown
        await anyio.lowlevel.checkpoint()
        assert payloads.made or payloads.waiting
        return alive(payloads.made), alive(payloads.waiting)
    finally:
        gc.enable()


def alive(references):
    return sum(reference() is not None for reference in references)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_nothing_that_a_failure_held_is_alive_after_a_pattern(case):
    """Nor what was cancelled for it, which a bare task group on asyncio does not let go of."""
    bare_failed, _ = await left_by(bare_task_group)
    assert bare_failed == 0
    assert await left_by(case) == (0, 0)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("pattern", [gather, race, lambda *aws: read(aws, limit=1)])
async def test_a_task_that_failed_is_freed_with_its_error(pattern, anyio_backend):
    """A task holds its error, whose traceback holds the frames that awaited the task."""

    async def case(payloads):
        await pattern(asyncio.create_task(payloads.fail()), payloads.wait())

    failed, _ = await left_by(case)
    assert failed == 0
