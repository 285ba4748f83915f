"""A task's body reaches the cluster that it runs in."""

from pathlib import Path

import pytest
import tasks

from lionherd_dist import Cluster, current_cluster

pytestmark = pytest.mark.anyio


async def test_a_task_holds_a_limiter_without_plumbing(cluster: Cluster, tmp_path: Path) -> None:
    """And the limit holds over all its calls."""
    calls = [tasks.in_turn.call(str(tmp_path), "inner") for _ in range(20)]
    assert max(await cluster.gather(*calls)) == 2


async def test_a_task_makes_calls_of_its_own(cluster: Cluster) -> None:
    """On the workers of its own namespace."""
    assert await cluster.gather(*(tasks.asks_back.call(n) for n in range(5))) == [0, 2, 4, 6, 8]


async def test_outside_of_a_task_there_is_none() -> None:
    """It says what to do instead."""
    with pytest.raises(RuntimeError, match="open one"):
        current_cluster()


async def test_a_def_is_told_why_it_has_none(cluster: Cluster) -> None:
    """A thread has no event loop."""
    assert "make it an async def" in await cluster.run(tasks.no_loop_here.call())
