"""Work that may block for ever, such as reading a terminal, without holding up the program."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_spare_thread(work: Callable[[], T]) -> T:
    """The result of *work*, run in a daemon thread of its own; an Exception of it is raised here.

    When this is cancelled, nobody waits for the thread: not the caller, and not the interpreter at
    its end, which waits for the threads of anyio and of executors. A thread takes about 60 µs to
    start, so *work* should be a whole chunk.
    """
    loop = asyncio.get_running_loop()
    arrival: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        if not arrival.done():  # nobody waits after a cancellation
            settle()

    def run() -> None:
        settle: Callable[[], None]
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 (raised again where it is waited for)
            caught = error
            settle = lambda: arrival.set_exception(caught)  # noqa: E731
        else:
            settle = lambda: arrival.set_result(result)  # noqa: E731
        with suppress(RuntimeError):  # the loop is closed: the program ended before the read did
            loop.call_soon_threadsafe(tell, settle)

    threading.Thread(target=run, name="lionherd-spare", daemon=True).start()
    return await arrival
