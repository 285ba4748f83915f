"""The backend's clock, and waiting by it."""

import anyio


def current_time() -> float:
    """Seconds on the running event loop's monotonic clock; deadlines are points on it."""
    return anyio.current_time()


async def sleep(seconds: float) -> None:
    """Let other tasks run for *seconds*; with 0, once."""
    await anyio.sleep(seconds)
