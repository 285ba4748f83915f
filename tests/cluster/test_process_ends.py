"""Forks and ends of processes: a clear error, or a clean end without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


def run(program: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program, url],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONWARNINGS": ""},
    )


def test_a_forked_child_gets_a_clear_error_and_the_parent_goes_on(redis_url: str) -> None:
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
                coroutine = cluster.run(tasks.double.call(2))
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
""",
        redis_url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "open one in each process" in done.stdout


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
        assert word not in done.stderr or "in main" in done.stderr
    assert "Exception in thread" not in done.stderr
    assert "Exception ignored" not in done.stderr
