"""Reading a submitted job to its end, for ``map --attach`` and ``jobs attach``."""

import anyio

from lionherd_dist.cli.detached import read
from lionherd_dist.cli.interrupts import Interrupt
from lionherd_dist.cli.map_run import written
from lionherd_dist.cli.options import Switches
from lionherd_dist.cli.outcomes import Failed
from lionherd_dist.cli.output import LineWriter, write_to_stdout
from lionherd_dist.cli.progress import View, view_of
from lionherd_dist.cli.tally import Tally, summary
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.printable import printable
from lionherd_dist.settings import Settings


def attach(
    cluster: Cluster,
    job: str,
    *,
    quiet: bool,
    tracebacks: bool,
    switches: Switches,
    wait_s: float | None = None,
) -> int:
    """Write what became of *job*, from where its last reader stopped; the exit status.

    If another reader has it, wait *wait_s* seconds at most, a session unless given, for the end of
    its session.

    Raises:
        JobNotFoundError, JobTakenError: it cannot be read.
        OutputClosedError: the reader of standard output has gone.
    """
    wait_s = Settings().session_s if wait_s is None else wait_s
    tally = Tally()
    view = view_of(tally, quiet=quiet)
    tell_first_failure(tally, view, switches)
    writer = LineWriter(write_to_stdout)

    async def work() -> None:
        async with cluster:
            await read(cluster, job, tally, writer, tracebacks=tracebacks, wait_s=wait_s)

    interrupt = anyio.run(lambda: written(work, writer, view))
    left = (
        f"Stopped reading after {tally.done:,} outcomes. The job goes on; attach again for the rest"
    )
    return concluded(interrupt, left, tally, view, quiet=quiet)


def tell_first_failure(tally: Tally, view: View, switches: Switches) -> None:
    """Have the first failure told with its traceback, if errors are to be shown in full."""

    def tell(index: int, failed: Failed) -> None:
        text = "\n".join(printable(line) for line in failed.traceback.rstrip().splitlines())
        view.say(f"The first failure: {failed.described(index)}\n{text}".rstrip())

    if switches.debug:
        tally.on_first_failure = tell


def concluded(interrupt: Interrupt, left: str, tally: Tally, view: View, *, quiet: bool) -> int:
    """The exit status of a run; says what came of it, and *left* if a signal ended it."""
    if interrupt.number is not None:
        view.say(left)
        return interrupt.exit_status
    if not quiet:
        view.say(summary(tally))
    return 1 if tally.failed_count else 0
