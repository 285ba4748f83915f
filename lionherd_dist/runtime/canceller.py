"""Hears which jobs were cancelled and stops their calls."""

import anyio

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.runtime.executor import Executor
from lionherd_dist.store.control import Control
from lionherd_dist.store.patience import pause_s


async def hear_cancellations(control: Control, executor: Executor) -> None:
    """Pass every cancellation on to *executor*, until cancelled."""
    broken = 0
    while True:
        try:
            for job in await control.read():
                executor.cancel(job)
            broken = 0
        except StoreUnavailableError:
            broken += 1
            await anyio.sleep(pause_s(broken))
