"""What is to become of kept outcomes, in plain Python: one reader, an end by reading.

An outcome is known by its number within its job, counted up as outcomes are recorded.
"""

from model.life import Life


def attach(life: Life, session: str, id_: str, now: int) -> list[object]:
    """Become the reader, unless another one lives; nobody reads what is cancelled."""
    job = life.jobs.get(id_)
    if job is None or not job.keep_ms or job.cancelled:
        return []
    if job.reader not in {None, session} and life.lives(str(job.reader), now):
        return [0, str(job.reader).encode()]
    job.reader = session
    return [1, job.read, job.total]


def advance(life: Life, session: str, id_: str, number: int) -> list[object]:
    """The reader is done with an outcome: once, however often it says so."""
    job = life.jobs.get(id_)
    if job is None:
        return []
    if job.reader != session:
        return [0]
    if job.unread.pop(number, None) is not None:
        job.read += 1
    if job.read == job.total:
        life.end(id_)
    return [1, job.read, job.total]


def detach(life: Life, session: str, id_: str) -> int:
    """The reader leaves."""
    job = life.jobs.get(id_)
    if job is None or job.reader != session:
        return 0
    job.reader = None
    return 1


def expire(life: Life, id_: str) -> None:
    """No script of ours: the server drops a job that was kept for its time."""
    del life.jobs[id_]
