"""Reading a submitted job to its end, for ``map --attach`` and ``jobs attach``."""

import anyio

from lionherd_dist.cli.detached import read
from lionherd_dist.cli.interrupts import Interrupt
from lionherd_dist.cli.map_run import written
from lionherd_dist.cli.output import LineWriter, write_to_stdout
from lionherd_dist.cli.progress import View, view_of
from lionherd_dist.cli.tally import Tally, summary
from lionherd_dist.cluster.cluster import Cluster


def attach(cluster: Cluster, job: str, *, quiet: bool) -> int:
    """Write what became of *job*, from where its last reader stopped; the exit status.

    Raises:
        JobNotFoundError, JobTakenError: it cannot be read.
        OutputClosedError: the reader of standard output has gone.
    """
    tally = Tally()
    view = view_of(tally, quiet=quiet)
    writer = LineWriter(write_to_stdout)

    async def work() -> None:
        async with cluster:
            await read(cluster, job, tally, writer)

    interrupt = anyio.run(lambda: written(work, writer, view))
    left = (
        f"Stopped reading after {tally.done:,} outcomes. The job goes on; attach again for the rest"
    )
    return concluded(interrupt, left, tally, view, quiet=quiet)


def concluded(interrupt: Interrupt, left: str, tally: Tally, view: View, *, quiet: bool) -> int:
    """The exit status of a run; says what came of it, and *left* if a signal ended it."""
    if interrupt.number is not None:
        view.say(left)
        return interrupt.exit_status
    if not quiet:
        view.say(summary(tally))
    return 1 if tally.failed_count else 0
