"""Hears what all workers are told: which jobs were cancelled, and that some are behind."""

from collections.abc import Callable

import anyio

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.runtime.executor import Executor
from lionherd_dist.store.control import Control
from lionherd_dist.store.patience import pause_s


async def hear(control: Control, executor: Executor, on_behind: Callable[[], None]) -> None:
    """Pass every cancellation on to *executor*, and call *on_behind*, until cancelled."""
    broken = 0
    while True:
        try:
            words = await control.read()
            for job in words.cancelled:
                executor.cancel(job)
            if words.behind:
                on_behind()
            broken = 0
        except StoreUnavailableError:
            broken += 1
            await anyio.sleep(pause_s(broken))
