"""Plain and async functions, each called from the other's world."""

import contextvars
import functools
import signal
import subprocess
import sys
import threading

import anyio.lowlevel
import pytest

from lionherd_dist.local import is_coro_func, run_async, run_sync


async def coro(value):
    await anyio.lowlevel.checkpoint()
    return value


def plain(a, *, b):
    return a + b, threading.get_ident()


def test_coroutine_functions_are_recognised_through_partials():
    """Plain functions are not."""
    assert is_coro_func(coro)
    assert is_coro_func(functools.partial(functools.partial(coro), 1))
    assert not is_coro_func(plain)
    assert not is_coro_func(functools.partial(plain, 1))


@pytest.mark.anyio
async def test_run_sync_runs_in_a_thread_and_hands_all_arguments_on():
    """Positional and by name."""
    total, thread = await run_sync(plain, 1, b=2)
    assert total == 3
    assert thread != threading.get_ident()


def test_run_async_gives_the_result():
    """From code without an event loop."""
    assert run_async(coro(1)) == 1


@pytest.mark.anyio
async def test_run_async_works_below_a_running_loop():
    """It has a thread and a loop of its own."""
    assert run_async(coro(None)) is None


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_run_async_raises_what_the_coroutine_raises(error):
    """As itself, requests to exit included."""

    async def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        run_async(fail())
    assert caught.value is error


@pytest.mark.anyio
async def test_run_async_carries_the_context_variables_of_its_caller():
    """In, and not out."""
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("the caller's")

    async def look():
        seen = variable.get()
        variable.set("the coroutine's")
        return seen

    assert run_async(look()) == "the caller's"
    assert variable.get() == "the caller's"


INTERRUPTED = """
import asyncio, sys
import anyio
from lionherd_dist import run_async, shield

async def wait():
    try:
        print("waiting", flush=True)
        await anyio.sleep(60)
    finally:
        await shield(anyio.sleep, 0.01)
        print("cleaned up", flush=True)

async def main():
    run_async(wait())

try:
    {start}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    "start", ["run_async(wait())", "asyncio.run(main())", "anyio.run(main, backend='trio')"]
)
def test_ctrl_c_ends_the_coroutine_of_run_async(start):
    """Its clean-up is awaited, and the caller sees KeyboardInterrupt."""
    command = [sys.executable, "-c", INTERRUPTED.format(start=start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "cleaned up\ninterrupted\n"
    assert process.returncode == 0
