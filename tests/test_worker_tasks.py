"""The example tasks of ``worker/tasks.py``, called as the ordinary functions they are."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from lionherd_dist.task import tasks_of
from worker import tasks


@pytest.mark.parametrize(
    ("limit", "count"), [(-1, 0), (0, 0), (2, 0), (3, 1), (10, 4), (100, 25), (10_000, 1229)]
)
def test_primes_are_counted(limit: int, count: int) -> None:
    """As the tables say."""
    assert tasks.primes_below(limit) == count


@pytest.mark.anyio
async def test_echo_and_fetch_give_back_what_they_got() -> None:
    """They are there to be watched."""
    assert await tasks.echo({"a": [1]}) == {"a": [1]}
    assert await tasks.fetch(0.0) == 0.0


def test_the_demonstrations_task_is_one_of_them() -> None:
    """A worker of the compose file can do what the demonstration does."""
    names = {task.name for task in tasks_of([tasks]).values()}
    assert names == {
        "lionherd_dist.cli.survey:survey",
        *(f"worker.tasks:{name}" for name in ("echo", "fetch", "primes_below")),
    }
