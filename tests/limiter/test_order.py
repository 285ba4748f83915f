"""Several limiters at once: always in the order of their names, or a word about it."""

import subprocess
import sys

import anyio
import pytest

from limiter.conftest import Open, Server
from lionherd_dist import LeaseLost, LimiterWarning, LockOrderError, acquire_all
from lionherd_dist.limiter.order import inversion, tokens_noted

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("held", "name", "other"),
    [((), "a", None), (("a",), "b", None), (("b",), "a", "b"), (("a", "c", "b"), "b", "c")],
)
def test_an_inversion_names_the_last_of_those_that_should_come_later(
    held: tuple[str, ...], name: str, other: str | None
) -> None:
    """Nothing is wrong with what comes first."""
    assert inversion(held, name) == other


async def test_acquire_all_takes_them_in_order_and_gives_leases_in_yours(api: Open) -> None:
    """Two that name them the other way round never wait for each other."""
    turns = 0

    async def take(*names: str) -> None:
        nonlocal turns
        for _ in range(10):
            limiters = [cluster.capacity_limiter(name, 1, strict=True) for name in names]
            async with acquire_all(*limiters) as leases:
                assert [lease.limiter for lease in leases] == list(names)
                turns += 1

    async with api() as cluster:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(take, "a", "b")
                group.start_soon(take, "b", "a")
        with pytest.raises(ValueError, match="each limiter once"):
            async with acquire_all(*[cluster.capacity_limiter("a", 1)] * 2):
                pass
    assert turns == 20


async def test_acquire_all_gives_back_what_it_has_when_it_fails(api: Open, server: Server) -> None:
    """Half of them taken, and then a deadline."""
    async with api() as one, api() as two:
        taken = one.capacity_limiter("b", 1)
        await taken.acquire_on_behalf_of("somebody else")
        with pytest.raises(TimeoutError), anyio.fail_after(0.2):
            async with acquire_all(two.capacity_limiter("b", 1), two.capacity_limiter("api", 1)):
                pass
        await server.until(held=0)
        taken.release_on_behalf_of("somebody else")


async def test_the_loss_of_several_tokens_is_one_error(api: Open, server: Server) -> None:
    """The session was the same for all of them."""
    async with api(session_s=1) as cluster:
        a, b = cluster.capacity_limiter("a", 1), cluster.capacity_limiter("b", 1)
        with pytest.raises(LeaseLost):
            async with acquire_all(a, b):
                await server.connection.call("FLUSHALL")
                with anyio.fail_after(20):
                    await anyio.sleep_forever()


async def test_taking_them_the_other_way_round_warns_or_is_an_error(
    api: Open, server: Server
) -> None:
    """Also in a task that was started inside the block."""
    async with api() as cluster:
        a, b = cluster.capacity_limiter("api", 1), cluster.capacity_limiter("b", 1)
        strict = cluster.capacity_limiter("api", 1, strict=True)

        async def in_a_child() -> None:
            with pytest.raises(LockOrderError, match="'api' is taken while 'b' is held"):
                await strict.acquire()

        async with b:
            with pytest.warns(LimiterWarning, match="'api' is taken while 'b' is held"):
                await a.acquire()
            a.release()
            async with anyio.create_task_group() as group:
                group.start_soon(in_a_child)
            await server.until(held=0)
        async with strict, b:
            pass
        await strict.acquire()
        strict.release()


async def test_a_token_given_back_is_out_of_the_order_wherever_it_stood(api: Open) -> None:
    """Before another one that is held still, or behind it; and nobody remembers it for long."""
    async with api() as cluster:
        a, m, z = (cluster.capacity_limiter(name, 1, strict=name == "m") for name in "amz")
        async with z:
            with pytest.warns(LimiterWarning, match="'a' is taken while 'z' is held"):
                await a.__aenter__()
            with pytest.raises(LockOrderError, match="'m' is taken while 'z' is held"):
                await m.acquire()
            z.release()
            async with m:
                m.release()
            await a.__aexit__(None, None, None)
        for _ in range(3):
            async with m:
                assert [token.limiter for token in tokens_noted()] == ["m"]


def test_a_forked_child_gets_a_clear_error(redis_url: str) -> None:
    """From everything that asks the server for something; the parent goes on."""
    program = """
import asyncio, os, sys
from lionherd_dist import Cluster, ForkedClientError, Settings

async def refusals(limiter):
    refused = 0
    uses = [limiter.acquire, limiter.acquire_nowait, limiter.refresh]
    for use in [*uses, lambda: limiter.set_total_tokens(2)]:
        try:
            await asyncio.wait_for(use(), 5)
        except ForkedClientError:
            refused += 1
    return refused

async def main():
    async with Cluster(sys.argv[1], settings=Settings(namespace="fork", fresh_server=True)) as one:
        limiter = one.capacity_limiter("api", 1)
        async with limiter:
            pass
        pid = os.fork()
        if pid == 0:
            status = 9
            try:
                status = asyncio.run(refusals(limiter))
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
        async with limiter:
            pass

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, redis_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
