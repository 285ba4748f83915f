"""The rule of in-process blocks: the task that entered a block is the one that leaves it.

Cancel scopes and task groups hang on the task that entered them, in anyio and in trio. Leaving them
in another task would corrupt both tasks, so the block refuses before anything of that is touched.
"""

import anyio


class Owner:
    """The task that enters a block: the one that it is made in."""

    __slots__ = ("_task",)

    def __init__(self) -> None:
        self._task = anyio.get_current_task()

    @property
    def is_current(self) -> bool:
        """True in that task, and in no other."""
        # Not the ids of the tasks: a task that is made when ours has ended may get the id of ours.
        return anyio.get_current_task().coro is self._task.coro

    def refusal(self, block: str) -> RuntimeError:
        """The error that *block* is left with in another task."""
        return RuntimeError(
            f"{block} was entered in task {self._task.name!r} and is left in task "
            f"{anyio.get_current_task().name!r}: leave it in the task that entered it. Where the "
            "two ends run in different tasks, as in a fixture or in a generator that is dropped, "
            "run the whole block in a task of its own; the blocks of a Cluster may be left anywhere"
        )
