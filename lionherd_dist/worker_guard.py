"""Refuses a cluster to code that a worker runs by importing its modules.

A script without ``if __name__ == "__main__"`` opens its cluster whenever it is imported. Each of
the cluster's workers imports it, and would open another one, without end.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from lionherd_dist.errors import WorkerStartError
from lionherd_dist.place import place_here

_REFUSAL = """\
a worker process was asked to open a cluster, and not by one of its tasks.

Each worker imports the modules that hold its tasks, and so runs all code at the top of them. If
such a module is a program, too, then what the program does has to stand below this line:

    if __name__ == "__main__":
        asyncio.run(main())
"""

# State of the process, as multiprocessing has it, too: how many imports for a worker are under way,
# and, below, whether this process is a worker for the rest of its life.
_imports = [0]
_is_worker = [False]


@contextmanager
def importing() -> Iterator[None]:
    """Meanwhile this process imports modules for their tasks."""
    _imports[0] += 1
    try:
        yield
    finally:
        _imports[0] -= 1


def become_worker() -> None:
    """From now on this process is a worker: threads that its modules started are no tasks."""
    _is_worker[0] = True


def may_connect() -> bool:
    """False while the modules of a worker are imported, but for what a task does."""
    return not _imports[0] or place_here() is not None


def may_start_processes() -> bool:
    """False in a worker, or while the modules of one are imported, but for what a task does."""
    return may_connect() and (not _is_worker[0] or place_here() is not None)


def check_may_connect() -> None:
    """Refuse a connection to a cluster that exists.

    Raises:
        WorkerStartError: ``may_connect`` is false.
    """
    if not may_connect():
        raise WorkerStartError(_REFUSAL)


def check_may_start_processes() -> None:
    """Refuse processes that would import the same modules again.

    Raises:
        WorkerStartError: ``may_start_processes`` is false.
    """
    if not may_start_processes():
        raise WorkerStartError(_REFUSAL)
