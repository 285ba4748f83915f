"""The end of a process that runs functions in threads: one may never end, and none is waited for.

The interpreter waits for all of them, and an event loop for those of its executor, before it ends.
"""

import contextlib
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

THREADS_END_S = 1.0  # how long threads get that have nothing more to do


class UnwaitedExecutor(ThreadPoolExecutor):
    """For an event loop that is to end whatever its threads do."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 (as it is called)
        """Take no more work, and let what runs run."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)


def leave(status: int) -> int:
    """*status*, for the interpreter to end with; where a thread runs on, the process ends here."""
    until = time.monotonic() + THREADS_END_S
    for one in threading.enumerate():
        if one is not threading.main_thread() and not one.daemon:
            one.join(max(0.0, until - time.monotonic()))
            if one.is_alive():
                end(status)
    return status


def end(status: int) -> NoReturn:
    """End the process at once."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    os._exit(status)
