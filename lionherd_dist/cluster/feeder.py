"""Keeps a job supplied with calls, pulled lazily: the input may be endless."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import aclosing

from lionherd_dist.call import Call
from lionherd_dist.cluster.job import Job
from lionherd_dist.cluster.link import Link
from lionherd_dist.errors import EncodeError, NotATaskError
from lionherd_dist.local.time import sleep
from lionherd_dist.task import as_call
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.messages import encode_call

PULLED_AT_ONCE = 128  # calls of a plain iterable between two breaths of the event loop


def encoded(call: object, index: int) -> bytes:
    """*call*, the one at *index* of its job, as bytes.

    Raises:
        NotATaskError: it is no call.
        EncodeError: an argument cannot be sent.
    """
    try:
        return encode_call(as_call(call), Limits())
    except (EncodeError, NotATaskError) as error:
        error.add_note(f"in call {index} of the job, counted from 0")
        raise


def encode_all(calls: Iterable[Call[object]]) -> Iterator[bytes]:
    """Each of *calls* as bytes, when it is asked for."""
    for index, call in enumerate(calls):
        yield encoded(call, index)


async def encode_each(calls: AsyncIterable[Call[object]]) -> AsyncGenerator[bytes, None]:
    """Each of *calls* as bytes, as it arrives; closes *calls* when it is closed."""
    index = 0
    try:
        async for call in calls:
            yield encoded(call, index)
            index += 1
    finally:
        close = getattr(calls, "aclose", None)
        if close is not None:
            await close()


async def feed(job: Job, link: Link, calls: Iterable[bytes] | AsyncGenerator[bytes, None]) -> None:
    """Add encoded *calls* as the job has room for them; an error in them ends the job."""
    try:
        if isinstance(calls, AsyncGenerator):
            async with aclosing(calls):
                async for call in calls:
                    job.add(call)
                    link.poke(job)
                    await job.space()
        else:
            for count, call in enumerate(calls, start=1):
                job.add(call)
                if count % PULLED_AT_ONCE == 0 or job.full:
                    link.poke(job)
                    await job.space()
                    await sleep(0)
        job.close_input()
        link.poke(job)
    except Exception as error:  # noqa: BLE001 (raised again where the outcomes are consumed)
        job.fail(error)
