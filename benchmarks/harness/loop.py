"""The event loop that a contender asks for."""

import asyncio
import importlib
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def run(work: Coroutine[object, object, T], loop: str) -> T:
    """The result of *work* on an ``"asyncio"`` or ``"uvloop"`` loop."""
    factory = importlib.import_module(loop).new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
