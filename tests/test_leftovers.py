"""What looks for leftovers after every test does see them."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from leftovers import here, ownerless_keys, unended_tasks

from lionherd_dist.store.connection import Connection


def test_a_thread_a_file_and_a_child_are_seen(tmp_path: Path) -> None:
    """Each under its kind, until it has ended."""
    before, go_on = here(), threading.Event()
    thread = threading.Thread(target=go_on.wait, name="left behind")
    thread.start()
    with (tmp_path / "left").open("w"):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        left = here() - before
        child.communicate(b"end")
    go_on.set()
    thread.join()
    assert any(one.startswith("thread left behind") for one in left)
    if sys.platform == "linux":
        assert any(one.endswith("/left") for one in left)
        assert f"child {child.pid}" in left
    assert here() - before == set()


@pytest.mark.anyio
async def test_a_task_is_seen() -> None:
    """With the code that it runs."""
    go_on = asyncio.Event()
    task = asyncio.create_task(go_on.wait())
    left = unended_tasks()
    go_on.set()
    await task
    assert [one for one in left if "Event.wait" in one], left


@pytest.mark.anyio
async def test_keys_that_nobody_removes_are_seen(redis_url: str, connection: Connection) -> None:
    """Those without a time to live, and those in a namespace without a session."""
    for command in (
        ("SET", "ld1:{a}:opened", "x"),
        ("SET", "ld1:{b}:job:J", "x", "EX", 1000),
        ("SET", "ld1:{b}:dead", "x", "EX", 1000),
        ("ZADD", "ld1:{c}:sessions", 1, "P"),
        ("PEXPIRE", "ld1:{c}:sessions", 100_000),
        ("SET", "ld1:{c}:job:J", "x", "EX", 1000),
        ("SET", "ld1:{c}:calls", "x"),
    ):
        await connection.call(*command)
    assert sorted(ownerless_keys(redis_url)) == ["ld1:{a}:opened", "ld1:{b}:job:J", "ld1:{c}:calls"]
    assert ownerless_keys(redis_url) == []
