"""Waiting for conditions, never for "probably enough"."""

from collections.abc import Awaitable, Callable

import anyio
import pytest


async def wait_until(
    condition: Callable[[], bool | Awaitable[bool]], *, description: str, within_s: float = 20
) -> None:
    """Look at *condition* until it holds; fail with *description* when it does not in time."""
    try:
        with anyio.fail_after(within_s):
            while True:
                holds = condition()
                if not isinstance(holds, bool):
                    holds = await holds
                if holds:
                    return
                await anyio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"waited {within_s} s in vain until {description}")
