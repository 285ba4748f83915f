"""Every async test here runs on asyncio, uvloop and trio, and leaves nothing behind."""

import gc
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator

import anyio
import anyio.lowlevel
import pytest

BACKENDS = {
    "asyncio": ("asyncio", {"use_uvloop": False}),
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}


@pytest.fixture(params=BACKENDS.values(), ids=BACKENDS.keys())
def anyio_backend(request):
    return request.param


@pytest.fixture(autouse=True)
def _collected():
    """A coroutine that was never awaited fails the test that dropped it, not a later one."""
    yield
    gc.collect()


@pytest.fixture
def never_awaited() -> Iterator[Callable[[], list[str]]]:
    """A function that gives the "never awaited" warnings so far; at the end, there are none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")

        def messages() -> list[str]:
            gc.collect()
            return [str(w.message) for w in caught if "never awaited" in str(w.message)]

        yield messages
        # Once more: a loop that threw a cancellation into the test held its frames until now.
        assert messages() == []


class Work:
    """A function of one item that waits for the item's gate and returns the item times ten."""

    def __init__(self) -> None:
        self.gates: defaultdict[int, anyio.Event] = defaultdict(anyio.Event)
        self.started: list[int] = []
        self.finished: list[int] = []
        self.cancelled: list[int] = []
        self.running = 0
        self.most = 0

    async def __call__(self, item: int, error: BaseException | None = None) -> int:
        self.started.append(item)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gates[item].wait()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):  # a clean-up that takes its time
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
            self.cancelled.append(item)
            raise
        finally:
            self.running -= 1
        self.finished.append(item)
        if error is not None:
            raise error
        return item * 10

    def open(self, *items: int) -> None:
        """Let the work on *items* go on."""
        for item in items:
            self.gates[item].set()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def until():
    """A function that lets other tasks run until its condition holds, or fails after 10 s."""

    async def until(condition: Callable[[], bool]) -> None:
        with anyio.fail_after(10):
            while not condition():
                await anyio.lowlevel.checkpoint()

    return until


@pytest.fixture
def settled():
    """A function that returns when every other task waits for something."""
    return anyio.wait_all_tasks_blocked
