"""Real worker processes that are stopped, killed, paused and poisoned: nothing lost or doubled."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import cast

import anyio
import pytest
import tasks
from helpers import wait_until
from own_server import own_server

from lionherd_dist import (
    Call,
    Cluster,
    PoisonTaskError,
    Settings,
    StoreRefusedError,
    Task,
    UnknownTaskError,
    Worker,
)
from lionherd_dist.embedded.child import Child
from lionherd_dist.runtime.process import (
    ORDER_VARIABLE,
    STATUS_FAILED,
    STATUS_UNUSABLE,
    STOP_SIGNALS,
    Order,
    serve,
)
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parent.parent


class Workers:
    """Worker processes by hand, all of them gone afterwards."""

    def __init__(self, url: str, settings: Settings, stack: AsyncExitStack) -> None:
        self.url, self.settings, self._stack = url, settings, stack

    async def start(
        self,
        *modules: str,
        slots: int = 10,
        grace_s: float = 5.0,
        ready: bool = True,
        settings: Settings | None = None,
    ) -> Child:
        own = settings or self.settings
        order = Order(modules or ("tasks",), self.url, slots, grace_s, own, "READY")
        child = await Child.start(
            [sys.executable, "-m", "lionherd_dist.runtime.process"],
            env={**os.environ, "PYTHONPATH": str(TESTS), ORDER_VARIABLE: order.as_text()},
        )
        self._stack.push_async_callback(child.stop)
        if ready:
            await wait_until(lambda: "READY" in child.output, description="the worker is ready")
        return child


@pytest.fixture
async def workers(redis_url: str, settings: Settings) -> AsyncIterator[Workers]:
    quick = Settings(namespace=settings.namespace, session_s=1, cancel_wait_s=1)
    async with AsyncExitStack() as stack:
        yield Workers(redis_url, quick, stack)


@pytest.fixture
async def client(workers: Workers) -> AsyncIterator[Cluster]:
    async with Cluster(workers.url, settings=workers.settings) as cluster:
        yield cluster


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary"
    path.touch()
    return path


def lines(diary: Path, word: str) -> list[str]:
    return [line for line in diary.read_text().splitlines() if word in line]


async def asked(cluster: Cluster, call: Call[object], results: list[object]) -> None:
    try:
        results.append(await cluster.run(call))
    except Exception as error:  # the test looks at it
        results.append(error)


async def test_a_stopped_worker_lets_short_calls_end_and_hands_long_ones_over(
    workers: Workers, client: Cluster, diary: Path
) -> None:
    """SIGTERM: exit status 0, and the long call starts elsewhere without waiting for a session."""
    first = await workers.start(grace_s=0.5)
    results: list[object] = []
    async with anyio.create_task_group() as asking:
        for line, wait_s in (("short", 0.3), ("long", 3.0)):
            asking.start_soon(asked, client, tasks.log.call(str(diary), line, wait_s), results)
        await wait_until(lambda: len(lines(diary, "start")) == 2, description="both run")
        await workers.start()
        first.terminate()
        assert await first.wait() == 0
        assert len(lines(diary, "end short")) == 1
        await wait_until(lambda: len(lines(diary, "start long")) == 2, description="it runs again")
    assert sorted(map(str, results)) == ["long", "short"]
    assert len(lines(diary, "start short")) == 1


async def test_a_second_signal_hands_back_at_once(
    workers: Workers, client: Cluster, diary: Path
) -> None:
    """However long the grace is."""
    worker = await workers.start(grace_s=600)
    results: list[object] = []
    async with anyio.create_task_group() as asking:
        asking.start_soon(asked, client, tasks.log.call(str(diary), "x", 600), results)
        await wait_until(lambda: bool(lines(diary, "start")), description="it runs")
        worker.terminate()
        await wait_until(lambda: "READY" in worker.output, description="it lives")
        worker.terminate()
        with anyio.fail_after(20):
            while worker.returncode is None:  # the first signal may still be on its way
                worker.terminate()
                await anyio.sleep(0.05)
        assert await worker.wait() == 0
        asking.cancel_scope.cancel()


@pytest.mark.parametrize("blocking", [tasks.block, tasks.block_apart], ids=lambda one: one.name)
async def test_a_thread_that_cannot_be_stopped_does_not_keep_the_process(
    workers: Workers, client: Cluster, diary: Path, blocking: Task[[str, float], None]
) -> None:
    """Its call is handed back, and the process leaves with status 0."""
    worker = await workers.start(grace_s=0)
    async with anyio.create_task_group() as asking:
        asking.start_soon(asked, client, blocking.call(str(diary), 600), [])
        await wait_until(lambda: bool(lines(diary, "start")), description="it runs")
        worker.terminate()
        with anyio.fail_after(30):
            assert await worker.wait() == 0
        await workers.start()
        await wait_until(lambda: len(lines(diary, "start")) == 2, description="it runs again")
        asking.cancel_scope.cancel()


async def test_a_stop_need_not_wait_for_a_silent_server(workers: Workers, redis_url: str) -> None:
    """A worker that has found no server yet ends when it is told to."""
    workers.url = "unix:///tmp/nobody-listens-here"
    worker = await workers.start(ready=False)
    await wait_until(
        lambda: signal_is_caught(worker.pid, signal.SIGTERM), description="it minds signals"
    )
    worker.terminate()
    with anyio.fail_after(20):
        assert await worker.wait() == 0


def signal_is_caught(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (number - 1) & 1)


async def test_a_killed_workers_calls_run_elsewhere(
    workers: Workers, client: Cluster, diary: Path
) -> None:
    """SIGKILL in the middle of them: every result is there, once."""
    first = await workers.start(slots=20)
    results: list[list[str]] = []

    async def ask() -> None:
        calls = [tasks.log.call(str(diary), f"c{n}", 0.5) for n in range(60)]
        results.append(await client.gather(*calls))

    async with anyio.create_task_group() as asking:
        asking.start_soon(ask)
        await wait_until(lambda: len(lines(diary, "start")) == 20, description="twenty run")
        await workers.start(slots=20)
        first.kill()
    assert results == [[f"c{n}" for n in range(60)]]


async def test_a_paused_worker_neither_steals_back_nor_counts_twice(
    workers: Workers, client: Cluster, diary: Path
) -> None:
    """SIGSTOP past its session, then SIGCONT: the other's result counts, and it goes on working."""
    first = await workers.start(slots=1)
    results: list[object] = []
    async with anyio.create_task_group() as asking:
        asking.start_soon(asked, client, tasks.log.call(str(diary), "x", 0.5), results)
        await wait_until(lambda: bool(lines(diary, "start")), description="the first runs it")
        os.kill(first.pid, signal.SIGSTOP)
        second = await workers.start(slots=1)
        await wait_until(lambda: len(lines(diary, "end")) == 1, description="the second ended it")
        os.kill(first.pid, signal.SIGCONT)
    assert results == ["x"]
    second.terminate()
    await second.wait()
    assert await client.run(tasks.double.call(4)) == 8
    assert first.returncode is None


async def test_a_worker_held_dead_while_it_was_paused_comes_back_as_another(
    workers: Workers, client: Cluster, diary: Path, connection: Connection
) -> None:
    """It woke early enough to trust itself, and has nothing to tell: only its beat is refused."""
    keys, patient = Keys(workers.settings.namespace), replace(workers.settings, session_s=6)
    first = await workers.start(slots=1, settings=patient)
    (old,) = await slots_of(connection, keys)
    async with anyio.create_task_group() as asking:
        asking.start_soon(asked, client, tasks.log.call(str(diary), "x", 600), [])
        await wait_until(lambda: bool(lines(diary, "start")), description="the first runs it")
        os.kill(first.pid, signal.SIGSTOP)
        await workers.start(slots=1)
        await connection.call("ZADD", keys.sessions, 1, old)
        await wait_until(lambda: len(lines(diary, "start")) == 2, description="the second does")
        os.kill(first.pid, signal.SIGCONT)

        async def both_work() -> bool:
            return len(await slots_of(connection, keys)) == 2

        await wait_until(both_work, description="the first has a session again")
        assert old not in await slots_of(connection, keys)
        assert await connection.call("ZSCORE", keys.sessions, old) is None
        asking.cancel_scope.cancel()
    assert first.returncode is None


async def slots_of(connection: Connection, keys: Keys) -> list[bytes]:
    """The sessions of workers that the server counts on."""
    reply = await connection.call("HKEYS", keys.slots)
    assert isinstance(reply, list)
    return [one for one in reply if isinstance(one, bytes) and one != b"*"]


async def test_a_client_that_is_killed_leaves_nobody_working_for_it(
    workers: Workers, diary: Path, connection: Connection
) -> None:
    """Its queued calls never start, its running ones are stopped, its keys are gone."""
    await workers.start(slots=2)
    program = (
        "import anyio, sys, tasks\n"
        "from lionherd_dist import Cluster, Settings\n"
        "async def main():\n"
        f"    settings = Settings(namespace={workers.settings.namespace!r}, session_s=1)\n"
        f"    async with Cluster({workers.url!r}, settings=settings) as cluster:\n"
        f"        calls = [tasks.log.call({str(diary)!r}, str(n), 600) for n in range(50)]\n"
        "        await cluster.gather(*calls)\n"
        "anyio.run(main)\n"
    )
    client = await Child.start(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(TESTS)}
    )
    await wait_until(lambda: len(lines(diary, "start")) == 2, description="two of its calls run")
    client.kill()
    await client.wait()
    keys = Keys(workers.settings.namespace)

    async def gone() -> bool:
        names = await connection.call("KEYS", keys.prefix + "*")
        assert isinstance(names, list)
        found = " ".join(name.decode() for name in names if isinstance(name, bytes))
        return not any(word in found for word in (":job:", ":owned:", ":inbox:"))

    await wait_until(gone, description="its jobs are given up")
    assert len(lines(diary, "start")) == 2
    async with Cluster(workers.url, settings=workers.settings) as other:
        assert await other.gather(tasks.double.call(1), tasks.double.call(2)) == [2, 4]


async def test_what_kills_its_worker_is_buried_and_its_neighbours_are_not(
    workers: Workers, client: Cluster, diary: Path
) -> None:
    """One dead letter, at most five deaths, and every neighbour's result."""
    deaths = 0

    async def keep_two() -> None:
        async def keep_one() -> None:
            nonlocal deaths
            while True:
                worker = await workers.start(slots=5)
                await worker.wait()
                deaths += 1

        async with anyio.create_task_group() as two:
            two.start_soon(keep_one)
            two.start_soon(keep_one)

    async with anyio.create_task_group() as keeping:
        keeping.start_soon(keep_two)
        calls: list[Call[object]] = [
            tasks.log.call(str(diary), f"neighbour{n}", 0.05) for n in range(60)
        ]
        calls.insert(7, tasks.die.call(str(diary), "poison"))
        with anyio.fail_after(60):
            results = await client.gather(*calls, return_exceptions=True)
        keeping.cancel_scope.cancel()
    poisoned = results.pop(7)
    assert isinstance(poisoned, PoisonTaskError)
    assert results == [f"neighbour{n}" for n in range(60)]
    assert deaths <= 5
    assert len(lines(diary, "start poison")) == 5


async def test_what_kills_its_worker_in_a_row_of_calls_is_found(
    workers: Workers, client: Cluster, diary: Path
) -> None:
    """Several may have begun at the first death; from then on they come one by one."""
    deaths = 0

    async def keep_one() -> None:
        nonlocal deaths
        while True:
            worker = await workers.start(slots=5)
            await worker.wait()
            deaths += 1

    async with anyio.create_task_group() as keeping:
        keeping.start_soon(keep_one)
        calls: list[Call[object]] = [tasks.log.call(str(diary), f"row{n}:") for n in range(60)]
        calls[30] = tasks.die.call(str(diary), "poison")
        with anyio.fail_after(60):
            async with client.completion_stream(calls, limit=1, return_exceptions=True) as stream:
                got = [one async for one in stream]
        keeping.cancel_scope.cancel()
    assert [index for index, _ in got] == list(range(60))
    assert isinstance(got[30][1], PoisonTaskError)
    assert [outcome for _, outcome in got if outcome != got[30][1]] == [
        f"row{n}:" for n in range(60) if n != 30
    ]
    assert len(lines(diary, "start poison")) == deaths <= 6
    assert max(len(lines(diary, f"start row{n}:")) for n in range(60)) <= 2


async def test_a_task_that_only_one_worker_knows_gets_there(
    workers: Workers, client: Cluster
) -> None:
    """Others leave it for that worker; when nobody knows it any more, it fails."""
    await workers.start("other_tasks")
    knowing = await workers.start("tasks")
    calls = [tasks.double.call(n) for n in range(20)]
    assert await client.gather(*calls) == [2 * n for n in range(20)]
    knowing.terminate()
    await knowing.wait()
    with pytest.raises(UnknownTaskError, match="tasks:double"):
        await client.run(tasks.double.call(1))


async def test_a_worker_that_cannot_go_on_ends_however_long_a_thread_runs(diary: Path) -> None:
    """Or it would neither work nor be replaced by another, until that function ended."""
    quick = Settings(session_s=1, cancel_wait_s=1, patience_s=1)
    async with own_server() as server, AsyncExitStack() as stack:
        worker = await Workers(server.url, quick, stack).start()
        async with Cluster(server.url, settings=quick) as cluster:
            await cluster.submit([tasks.block.call(str(diary), 600.0)])
            await wait_until(lambda: bool(diary.read_text()), description="the thread runs")
        connection = Connection(server.url, name="operator")
        stack.push_async_callback(connection.close)
        await connection.call("CONFIG", "SET", "requirepass", "another")
        await connection.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with anyio.fail_after(30):
            assert await worker.wait() == STATUS_UNUSABLE


class Refused:
    """A worker two of whose tasks are refused at the same moment."""

    async def run(self, **_: object) -> None:
        reasons = [StoreRefusedError("first"), StoreRefusedError("second")]
        raise ExceptionGroup("two", [ExceptionGroup("one", reasons[:1]), reasons[1]])


async def test_a_worker_that_is_refused_twice_at_once_says_so_once() -> None:
    """Any of its connections may be the first to hear it."""
    before = {one: signal.getsignal(one) for one in STOP_SIGNALS}
    try:
        with pytest.raises(StoreRefusedError, match="first"):
            await serve(cast("Worker", Refused()), lambda: None)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


async def test_a_worker_that_fails_for_a_reason_of_its_own_ends_beside_a_thread(
    tmp_path: Path,
) -> None:
    """Its traceback is shown, and another can be started."""
    (tmp_path / "endless_tasks.py").write_text(
        "import threading, time\nfrom lionherd_dist import task\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "@task\ndef nothing() -> None: ...\n"
    )
    order = Order(("endless_tasks",), "unix:///nowhere", "many", 1.0, Settings())  # type: ignore[arg-type]
    child = await Child.start(
        [sys.executable, "-m", "lionherd_dist.runtime.process"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
            ORDER_VARIABLE: order.as_text(),
        },
    )
    try:
        with anyio.fail_after(30):
            assert await child.wait() == STATUS_FAILED
        assert "TypeError" in child.output
    finally:
        await child.stop()
