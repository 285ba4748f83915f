"""Signed calls and outcomes on a real road, and what somebody can do who writes to the server."""

import logging
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
import tasks
from helpers import wait_until
from road import working

from lionherd_dist import Cluster, LocalCluster, Settings, SignatureError
from lionherd_dist.call import Success
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.wire.messages import encode_call, encode_outcome
from lionherd_dist.wire.signing import Seal, unsigned

pytestmark = pytest.mark.anyio

KEY, OTHER = "the-canary-sings-in-the-coal-mine", "another-key-of-more-than-32-signs"
TESTS = Path(__file__).parent.parent


@pytest.fixture
def keyed(settings: Settings) -> Settings:
    return replace(settings, signing_key=KEY)


@pytest.fixture
async def stage() -> tasks.Stage:
    return tasks.new_stage()


def command_line(pid: int) -> str:
    """As anybody on the machine can read it, where the system has such files."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_text() if path.exists() else ""


async def letters(connection: Connection, settings: Settings) -> list[dict[bytes, bytes]]:
    """The dead letters, as their fields."""
    entries = await connection.call("XRANGE", Keys(settings.namespace).dead, "-", "+")
    assert isinstance(entries, list)
    return [
        dict(zip(fields[::2], fields[1::2], strict=True))
        for _, fields in entries  # type: ignore[misc]
    ]


async def test_signed_calls_run_and_signed_outcomes_arrive(redis_url: str, keyed: Settings) -> None:
    """Values, failures, and the jobs that another process attaches to."""
    async with working(redis_url, keyed), Cluster(redis_url, settings=keyed) as cluster:
        assert await cluster.bounded_map(tasks.double, range(50), limit=5) == [
            n * 2 for n in range(50)
        ]
        with pytest.raises(ValueError, match="no"):
            await cluster.run(tasks.fail.call("no"))
        job = await cluster.submit(map(tasks.double.call, range(3)))
        async with Cluster(redis_url, settings=keyed) as other, other.attach(job) as stream:
            assert sorted([pair async for pair in stream]) == [(0, 0), (1, 2), (2, 4)]


async def test_an_unsigned_call_is_refused_by_a_worker_with_a_key(
    redis_url: str, keyed: Settings, connection: Connection
) -> None:
    """A dead letter, and the reason reaches the client, who has no key to check that with."""
    keyless = replace(keyed, signing_key="")
    async with working(redis_url, keyed), Cluster(redis_url, settings=keyless) as cluster:
        with pytest.raises(SignatureError, match=r"the call is not signed.*give the signing key"):
            await cluster.run(tasks.double.call(1))
    (letter,) = await letters(connection, keyed)
    assert letter[b"p"] == encode_call(tasks.double.call(1))


@pytest.mark.parametrize("key", [OTHER, ""])
async def test_a_signed_call_is_refused_by_a_worker_that_cannot_check_it(
    redis_url: str, keyed: Settings, connection: Connection, stage: tasks.Stage, key: str
) -> None:
    """It does not run there; and the client refuses what such a worker says, too."""
    async with (
        working(redis_url, replace(keyed, signing_key=key)),
        Cluster(redis_url, settings=keyed) as cluster,
    ):
        with pytest.raises(SignatureError, match="outcome") as caught:
            await cluster.run(tasks.brief.call(1))
        assert "worker" not in "".join(caught.value.__notes__)  # no worker said this: refused here
    assert stage.started == []
    assert len(await letters(connection, keyed)) == 1


async def test_a_key_is_changed_without_stopping(redis_url: str, keyed: Settings) -> None:
    """Workers and clients that accept both keys understand either side of the change."""
    both = replace(keyed, signing_key=f"{OTHER} {KEY}")
    async with working(redis_url, both):
        for settings in (replace(keyed, signing_key=f"{KEY} {OTHER}"), both):
            async with Cluster(redis_url, settings=settings) as cluster:
                assert await cluster.run(tasks.double.call(1)) == 2


async def test_a_call_that_was_recorded_is_not_good_for_another_job(
    redis_url: str, keyed: Settings, connection: Connection, stage: tasks.Stage
) -> None:
    """Put into the stream again under another index, it is a dead letter and does not run."""
    keys = Keys(keyed.namespace)
    async with Cluster(redis_url, settings=keyed) as cluster:
        job = await cluster.submit([tasks.brief.call(1)])
        (entry,) = await connection.call("XRANGE", keys.calls, "-", "+")  # type: ignore[misc]
        head, payload = entry[1][1], entry[1][3]  # type: ignore[index]
        for forged in (b"x" + head, head.replace(b" 0 ", b" 1 ", 1)):
            await connection.call("XADD", keys.calls, "*", "c", forged, "p", payload)
        bare = unsigned(payload)
        assert bare != payload
        await connection.call("XADD", keys.calls, "*", "c", head, "p", bare)
        async with working(redis_url, keyed, slots=1), cluster.attach(job) as stream:
            assert [pair async for pair in stream] == [(0, 1)]
            await wait_until(lambda: _drained(connection, keys), description="all are settled")
    assert list(stage.started) == [1]


async def _drained(connection: Connection, keys: Keys) -> bool:
    return await connection.call("XLEN", keys.calls) == 0


async def test_forged_outcomes_are_failures_of_their_calls(
    redis_url: str, keyed: Settings, connection: Connection
) -> None:
    """Unsigned, signed with another key, or taken from another call: none is believed."""
    keys = Keys(keyed.namespace)
    lie = encode_outcome(Success("a lie"), worker="w", attempt=1)
    seal = Seal([KEY], keyed.namespace)
    async with Cluster(redis_url, settings=keyed) as cluster:
        calls = map(tasks.double.call, range(4))
        async with cluster.completion_stream(calls, return_exceptions=True) as stream:
            job = stream._job
            await wait_until(lambda: job.acknowledged == 4, description="the server has them")
            news = [
                *("0", lie),
                *("1", Seal([OTHER], keyed.namespace).signed("outcome", lie, job.id, 1)),
                *("2", seal.signed("outcome", lie, job.id, 1)),
                *("3", seal.signed("outcome", lie, job.id, 3)),
            ]
            inbox = keys.inbox(job.id.partition("-")[0])
            await connection.call("XADD", inbox, "*", "j", job.id, *news)
            with anyio.fail_after(20):
                arrived = dict([pair async for pair in stream])
    assert arrived.pop(3) == "a lie"  # said by somebody with the key
    assert [type(arrived[index]) for index in range(3)] == [SignatureError] * 3


async def test_the_key_is_in_no_log_and_no_command_line(
    keyed: Settings,
    connection: Connection,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Worker processes are given it in their environment, and keep quiet about it."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    async with LocalCluster("tasks", workers=1, settings=keyed) as cluster:
        assert await cluster.run(tasks.double.call(1)) == 2
        pid = await cluster.run(tasks.busy_pid.call(0.0))
        assert KEY not in command_line(pid)
        keyless = replace(keyed, signing_key="")
        async with Cluster(str(cluster._address), settings=keyless) as other:
            with pytest.raises(SignatureError) as caught:
                await other.run(tasks.double.call(1))
    notes = "\n".join(caught.value.__notes__)
    assert KEY not in f"{caplog.text}{caught.value!r}{notes}"
    assert KEY not in repr(cluster)
