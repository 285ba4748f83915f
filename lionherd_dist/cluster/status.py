"""Where a submitted job stands, asked for by its id."""

from functools import partial

from lionherd_dist.cluster.link import Link
from lionherd_dist.errors import JobNotFoundError
from lionherd_dist.job_status import JobStatus
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.job_rows import JobRow, job_rows
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.patience import persist
from lionherd_dist.store.reading import server_ms


async def job_status(link: Link, job_id: str, *, patience_s: float) -> JobStatus:
    """Where the job *job_id* stands now.

    Raises:
        JobNotFoundError: there is no such job.
    """
    async with link.reader("status") as reader:
        row = await persist(
            partial(_row, reader.connection, reader.keys, job_id), patience_s=patience_s
        )
    if row is None:
        raise JobNotFoundError(
            f"there is no job {job_id!r}: it was read to its end, cancelled, or kept no longer; or "
            "the id is wrong"
        )
    return JobStatus(
        id=row.id,
        state=row.state,
        tasks=row.tasks,
        label=row.label,
        done=row.done,
        failed=row.failed,
        total=row.total,
        rate=row.per_second,
    )


async def _row(connection: Connection, keys: Keys, job_id: str) -> JobRow | None:
    now_ms = await server_ms(connection)
    return (await job_rows(connection, keys, [job_id], now_ms=now_ms))[0]
