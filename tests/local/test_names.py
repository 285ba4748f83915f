"""The public names of the in-process half."""

import subprocess
import sys

from lionherd_dist import local

NAMES = {
    "CancelScope",
    "CapacityLimiter",
    "CompletionStream",
    "ConcurrencyEvent",
    "Condition",
    "Event",
    "ExceptionGroup",
    "LeakInfo",
    "LeakTracker",
    "Lock",
    "PriorityQueue",
    "Queue",
    "QueueEmpty",
    "QueueFull",
    "Semaphore",
    "TaskGroup",
    "bounded_map",
    "create_task_group",
    "current_time",
    "effective_deadline",
    "fail_after",
    "fail_at",
    "gather",
    "get_cancelled_exc_class",
    "in_thread",
    "is_cancelled",
    "is_coro_func",
    "move_on_after",
    "move_on_at",
    "non_cancel_subgroup",
    "race",
    "retry",
    "run_async",
    "run_sync",
    "shield",
    "sleep",
    "track_resource",
    "untrack_resource",
}


def test_every_name_of_the_original_is_there():
    """Changing the import is all that its users do."""
    assert set(local.__all__) == NAMES
    for name in NAMES:
        assert callable(getattr(local, name))


def test_importing_it_loads_neither_redis_nor_msgpack_nor_trio():
    """It needs anyio only."""
    code = (
        "import sys, lionherd_dist.local; "
        "assert not {'redis', 'msgpack', 'trio', 'uvloop'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
