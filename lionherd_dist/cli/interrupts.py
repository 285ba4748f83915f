"""Ctrl-C, twice: the first one ends the work in order, the second one ends the program."""

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from lionherd_dist.cli.progress import View
from lionherd_dist.cli.tally import Tally
from lionherd_dist.printable import span

SLOW_S = 1.0  # when stopping takes longer than that, people are told that it goes on


@dataclass(slots=True)
class Interrupt:
    """Whether a signal ended the work, and which; None until then."""

    number: int | None = None

    @property
    def exit_status(self) -> int:
        """What a shell says of a program that a signal ended: 130 after Ctrl-C."""
        return 128 + (self.number or signal.SIGINT)

    def describe(self, tally: Tally) -> str:
        """What was done until then, in one paragraph."""
        name = "Ctrl-C" if self.number == signal.SIGINT else "SIGTERM"
        of_all = f" of {tally.total:,}" if tally.total is not None else ""
        return (
            f"Stopped by {name} after {span(tally.elapsed_s)}: {tally.done:,}{of_all} items done, "
            f"{tally.failed_count:,} of them failed. The rest was cancelled on the workers."
        )


async def until_interrupted(work: Callable[[], Awaitable[None]], view: View) -> Interrupt:
    """Do *work*, and cancel it on the first SIGINT or SIGTERM; tells whether there was one.

    The second one ends the process there and then. That is safe: our worker processes end when we
    do, and calls on other workers are cancelled when our session expires.
    """
    interrupt = Interrupt()
    async with anyio.create_task_group() as helpers:
        with anyio.CancelScope() as scope:
            helpers.start_soon(_listen, interrupt, scope, view)
            await work()
        helpers.cancel_scope.cancel()
    return interrupt


async def _listen(interrupt: Interrupt, scope: anyio.CancelScope, view: View) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as group:
            async for number in signals:
                if interrupt.number is not None:
                    os._exit(interrupt.exit_status)
                interrupt.number = number
                scope.cancel()
                group.start_soon(_tell_if_slow, view)


async def _tell_if_slow(view: View) -> None:
    await anyio.sleep(SLOW_S)
    view.say("Stopping: waiting for the workers. Ctrl-C again ends this at once.")
