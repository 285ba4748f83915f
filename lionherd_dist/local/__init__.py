"""Structured concurrency inside one process, on anyio: asyncio, uvloop and trio."""

from builtins import ExceptionGroup  # noqa: A004 (it is the builtin, part of the interface)

from lionherd_dist.local.bounded_map import bounded_map
from lionherd_dist.local.cancel import (
    CancelScope,
    effective_deadline,
    fail_after,
    fail_at,
    move_on_after,
    move_on_at,
)
from lionherd_dist.local.completion import CompletionStream
from lionherd_dist.local.errors import (
    get_cancelled_exc_class,
    is_cancelled,
    non_cancel_subgroup,
    shield,
)
from lionherd_dist.local.functions import is_coro_func, run_async, run_sync
from lionherd_dist.local.gather import gather
from lionherd_dist.local.in_thread import in_thread
from lionherd_dist.local.leaks import LeakInfo, LeakTracker, track_resource, untrack_resource
from lionherd_dist.local.primitives import CapacityLimiter, Condition, Event, Lock, Semaphore
from lionherd_dist.local.priority_queue import PriorityQueue, QueueEmpty, QueueFull
from lionherd_dist.local.queue import Queue
from lionherd_dist.local.race import race
from lionherd_dist.local.retry import retry
from lionherd_dist.local.task_group import TaskGroup, create_task_group
from lionherd_dist.local.time import current_time, sleep

ConcurrencyEvent = Event

__all__ = [
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
]
