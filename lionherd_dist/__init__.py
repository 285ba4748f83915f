"""Structured concurrency that does not stop at the process boundary.

The in-process half is here at once and needs anyio only; the names of the cluster half load redis
and msgpack when they are first used.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from lionherd_dist.call import Call, Ran, Retry
from lionherd_dist.carrying import carry
from lionherd_dist.current_call import CurrentCall, current_call
from lionherd_dist.errors import (
    BackpressureError,
    DecodeError,
    EncodeError,
    ExtraMissingError,
    ForkedClientError,
    JobCancelledError,
    JobLostError,
    JobNotFoundError,
    JobTakenError,
    LeaseLost,
    LimiterWarning,
    LionherdError,
    LockOrderError,
    NotATaskError,
    PayloadTooLargeError,
    PoisonTaskError,
    RemoteError,
    ScriptsMissingError,
    ServerNotFoundError,
    ServerStartError,
    SignatureError,
    StoreDamagedError,
    StoreRefusedError,
    StoreUnavailableError,
    TaskNameError,
    UnknownTaskError,
    WorkerStartError,
)
from lionherd_dist.job_status import JobStatus
from lionherd_dist.local import (
    CancelScope,
    CapacityLimiter,
    CompletionStream,
    ConcurrencyEvent,
    Condition,
    Event,
    ExceptionGroup,  # noqa: A004 (a public name of the original, re-exported)
    LeakInfo,
    LeakTracker,
    Lock,
    PriorityQueue,
    Queue,
    QueueEmpty,
    QueueFull,
    Semaphore,
    TaskGroup,
    bounded_map,
    create_task_group,
    current_time,
    effective_deadline,
    fail_after,
    fail_at,
    gather,
    get_cancelled_exc_class,
    in_thread,
    is_cancelled,
    is_coro_func,
    move_on_after,
    move_on_at,
    non_cancel_subgroup,
    race,
    retry,
    run_async,
    run_sync,
    shield,
    sleep,
    track_resource,
    untrack_resource,
)
from lionherd_dist.local.limits import Limiter, LimiterStatistics
from lionherd_dist.progress import Progress
from lionherd_dist.registry import sendable
from lionherd_dist.settings import Settings
from lionherd_dist.task import Task, task

if TYPE_CHECKING:  # the front door alone: what __getattr__ loads, said to type checkers
    from lionherd_dist.cluster.cluster import Cluster
    from lionherd_dist.current import current_cluster
    from lionherd_dist.limiter.shared import acquire_all
    from lionherd_dist.local_cluster import LocalCluster
    from lionherd_dist.runtime.worker import Worker

__version__ = "0.1.0"

_CLUSTER_HALF = {
    "Cluster": "lionherd_dist.cluster.cluster",
    "current_cluster": "lionherd_dist.current",
    "LocalCluster": "lionherd_dist.local_cluster",
    "Worker": "lionherd_dist.runtime.worker",
    "acquire_all": "lionherd_dist.limiter.shared",
}


def __getattr__(name: str) -> object:
    if name in _CLUSTER_HALF:
        return getattr(import_module(_CLUSTER_HALF[name]), name)
    raise AttributeError(  # with these two, a traceback says what may have been meant
        f"module 'lionherd_dist' has no attribute {name!r}", name=name, obj=sys.modules[__name__]
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = (
    "BackpressureError",
    "Call",
    "CancelScope",
    "CapacityLimiter",
    "Cluster",
    "CompletionStream",
    "ConcurrencyEvent",
    "Condition",
    "CurrentCall",
    "DecodeError",
    "EncodeError",
    "Event",
    "ExceptionGroup",
    "ExtraMissingError",
    "ForkedClientError",
    "JobCancelledError",
    "JobLostError",
    "JobNotFoundError",
    "JobStatus",
    "JobTakenError",
    "LeakInfo",
    "LeakTracker",
    "LeaseLost",
    "Limiter",
    "LimiterStatistics",
    "LimiterWarning",
    "LionherdError",
    "LocalCluster",
    "Lock",
    "LockOrderError",
    "NotATaskError",
    "PayloadTooLargeError",
    "PoisonTaskError",
    "PriorityQueue",
    "Progress",
    "Queue",
    "QueueEmpty",
    "QueueFull",
    "Ran",
    "RemoteError",
    "Retry",
    "ScriptsMissingError",
    "Semaphore",
    "ServerNotFoundError",
    "ServerStartError",
    "Settings",
    "SignatureError",
    "StoreDamagedError",
    "StoreRefusedError",
    "StoreUnavailableError",
    "Task",
    "TaskGroup",
    "TaskNameError",
    "UnknownTaskError",
    "Worker",
    "WorkerStartError",
    "acquire_all",
    "bounded_map",
    "carry",
    "create_task_group",
    "current_call",
    "current_cluster",
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
    "sendable",
    "shield",
    "sleep",
    "task",
    "track_resource",
    "untrack_resource",
)
