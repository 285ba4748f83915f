"""Forks and ends of processes: a clear error, or a clean end without a word."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


STRICT = ("-X", "dev", "-W", "error")
SLOW = re.compile(r"^Executing <.* took .* seconds\n", re.MULTILINE)  # asyncio, of a busy machine


def run(
    program: str, url: str, *, options: tuple[str, ...] = STRICT
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *options, "-c", program, url],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONWARNINGS": ""},
    )
    done.stderr = SLOW.sub("", done.stderr)
    return done


# What a child may ask of its parent's cluster; the last is so much that it would rest meanwhile.
ASKED = (
    "run(tasks.double.call(2))",
    "race(tasks.double.call(2), tasks.double.call(3))",
    "gather(*[tasks.double.call(n) for n in range(20_000)])",
)


@pytest.mark.parametrize("asked", ASKED)
def test_a_forked_child_gets_a_clear_error_and_the_parent_goes_on(
    redis_url: str, asked: str
) -> None:
    """Nothing of the parent's session is used in the child."""
    done = run(
        """
import asyncio, os, sys, tasks
from lionherd_dist import Cluster, ForkedClientError, Settings, Worker

async def main():
    settings = Settings(namespace="fork")
    worker = Worker(tasks, redis=sys.argv[1], settings=settings)
    working = asyncio.create_task(worker.run())
    async with Cluster(sys.argv[1], settings=settings) as cluster:
        assert await cluster.run(tasks.double.call(1)) == 2
        pid = os.fork()
        if pid == 0:
            try:
                coroutine = cluster.ASKED
                coroutine.send(None)
            except ForkedClientError as error:
                print(error, flush=True)
                os._exit(7)
            os._exit(8)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        assert await cluster.run(tasks.double.call(3)) == 6
    worker.stop()
    await working

asyncio.run(main())
""".replace("ASKED", asked),
        redis_url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "open one in each process" in done.stdout


@pytest.mark.parametrize("end", ["return", "sys.exit(0)", "raise SystemExit"])
def test_a_forked_child_that_leaves_the_block_ends_and_says_nothing_to_the_server(
    redis_url: str, end: str
) -> None:
    """It would quit the parent's session, or wait for threads that it does not have."""
    done = run(
        f"""
import asyncio, os, sys, tasks
import redis
from lionherd_dist import Cluster, Settings

async def main():
    async with Cluster(sys.argv[1], settings=Settings(namespace="left-by-a-fork")) as cluster:
        job = await cluster.submit([tasks.double.call(1)])
        async with cluster.completion_stream([tasks.double.call(1)]), cluster.attach(job):
            pid = os.fork()
            if pid == 0:
                {end}
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            server = redis.Redis.from_url(sys.argv[1])
            live = server.zcard("ld1:{{left-by-a-fork}}:sessions")
            server.flushall()
            print(status, live, flush=True)
            os._exit(0)  # what the two share of asyncio's own does not outlive the child

asyncio.run(main())
""",
        redis_url,
        options=(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 1\n", "")


def test_a_forked_child_that_leaves_a_local_cluster_takes_nothing_down(redis_url: str) -> None:
    """Server, workers and socket are the parent's."""
    done = run(
        """
import asyncio, os, sys, tasks
from pathlib import Path
from lionherd_dist import LocalCluster

async def main():
    async with LocalCluster("tasks", workers=1) as cluster:
        assert await cluster.run(tasks.double.call(1)) == 2
        pid = os.fork()
        if pid == 0:
            sys.exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        states = [Path(f"/proc/{child}/stat").read_text().split()[2] for child in children]
        print(status, len(states), "Z" in states, Path(cluster._address.path).exists(), flush=True)
        os._exit(0)

asyncio.run(main())
""",
        redis_url,
        options=(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 2 False True\n", "")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "asyncio.run(use(cluster))",
        "asyncio.run(asyncio.to_thread(asyncio.run, use(cluster)))",
    ],
)
def test_a_cluster_in_another_event_loop_says_so(redis_url: str, elsewhere: str) -> None:
    """Nothing would ever answer there; and where it was opened it goes on."""
    done = run(
        f"""
import asyncio, sys, tasks
from lionherd_dist import Cluster, Settings

async def use(cluster):
    try:
        await cluster.run(tasks.double.call(2))
    except RuntimeError as error:
        print(error, flush=True)

async def main():
    global cluster
    async with Cluster(sys.argv[1], settings=Settings(namespace="loops")) as cluster:
        await asyncio.to_thread(lambda: {elsewhere})
        async with cluster.completion_stream([tasks.double.call(1)]):
            print("it goes on")

asyncio.run(main())
""",
        redis_url,
        options=(),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("the event loop in which this cluster was opened is another")
    assert done.stdout.endswith("it goes on\n")


@pytest.mark.parametrize(
    "leave_open",
    [
        "await Cluster(sys.argv[1], settings=SETTINGS).__aenter__()",
        "global given; given = outcomes(); await anext(given)",
        "await anext(outcomes()); await alone()",
    ],
    ids=["a block that is not left", "a generator that is kept", "a generator that is dropped"],
)
def test_a_cluster_that_nobody_leaves_ends_with_its_event_loop(
    redis_url: str, leave_open: str
) -> None:
    """Without a word; nothing of it is left at the server, and the next loop has its own."""
    done = run(
        f"""
import asyncio, sys, tasks
import redis
from lionherd_dist import Cluster, Settings, Worker

SETTINGS = Settings(namespace="open-ended")

async def outcomes():
    async with Cluster(sys.argv[1], settings=SETTINGS) as cluster:
        calls = [tasks.double.call(n) for n in range(3)]
        async with cluster.completion_stream(iter(calls)) as stream:
            async for one in stream:
                yield one

async def alone():
    with redis.Redis.from_url(sys.argv[1]) as server:
        while server.zcard("ld1:{{open-ended}}:sessions") > 1:  # what was dropped ends by itself
            await asyncio.sleep(0.01)

async def main():
    worker = Worker(tasks, redis=sys.argv[1], settings=SETTINGS)
    working = asyncio.create_task(worker.run())
    {leave_open}
    worker.stop()
    await working

asyncio.run(main())
with redis.Redis.from_url(sys.argv[1]) as server:
    print(server.keys("ld1:{{open-ended}}:*"))
asyncio.run(main())
""",
        redis_url,
        options=(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_one_cluster_serves_one_event_loop_after_another(redis_url: str) -> None:
    """It is opened anew in each."""
    done = run(
        """
import asyncio, sys
from lionherd_dist import Cluster, Settings

cluster = Cluster(sys.argv[1], settings=Settings(namespace="one-by-one"))

async def main():
    async with cluster:
        print(await cluster.gather())

asyncio.run(main())
asyncio.run(main())
""",
        redis_url,
        options=(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n[]\n", "")


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("return", 0),
        ("sys.exit(3)", 3),
        ("raise KeyboardInterrupt", -2),
        ("os._exit(4)", 4),
        ("await asyncio.sleep(0.05); asyncio.get_running_loop().stop(); await asyncio.sleep(1)", 1),
    ],
)
def test_a_program_that_ends_inside_its_cluster_ends_as_it_says(
    redis_url: str, ending: str, status: int
) -> None:
    """With its own status, without a traceback of ours, and without a hang."""
    done = run(
        f"""
import asyncio, os, sys, tasks
from lionherd_dist import Cluster, Settings

async def main():
    async with Cluster(sys.argv[1], settings=Settings(namespace="ends")) as cluster:
        async with cluster.completion_stream([tasks.double.call(1)]):
            {ending}

asyncio.run(main())
""",
        redis_url,
    )
    assert done.returncode == status
    for word in ("lionherd_dist/", "heartbeat", "never awaited", "unclosed"):
        assert word not in done.stderr
    assert "Exception in thread" not in done.stderr
    assert "Exception ignored" not in done.stderr
