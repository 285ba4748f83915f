"""A cluster of real processes on this machine: up, at work, and gone without a trace."""

import importlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import anyio
import pytest
import tasks
from anyio.streams.buffered import BufferedByteReceiveStream
from helpers import wait_until

from lionherd_dist import LocalCluster, Settings, WorkerStartError, gather
from lionherd_dist.embedded.server import private_server
from lionherd_dist.errors import first_of
from lionherd_dist.fleet import Fleet
from lionherd_dist.runtime.process import Order
from lionherd_dist.store.connection import Connection

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers find the module ``tasks`` as this process does."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_the_environments_password_is_not_for_a_private_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which has none, and would refuse it; nor is the environment's server used."""
    monkeypatch.setenv("LIONHERD_REDIS_URL", "redis://nowhere.invalid")
    monkeypatch.setenv("LIONHERD_REDIS_PASSWORD", "canary-3141")
    async with LocalCluster("tasks", workers=1) as cluster:
        assert await cluster.run(tasks.double.call(4)) == 8


async def test_several_processes_share_the_work_and_end_with_the_block() -> None:
    """Each of three workers with one slot takes some of twenty calls."""
    async with LocalCluster("tasks", workers=3, concurrency=1) as cluster:
        pids = set(await gather(*(cluster.run(tasks.busy_pid.call(0.1)) for _ in range(20))))
        assert len(pids) == 3
        assert os.getpid() not in pids
    assert not [pid for pid in pids if alive(pid)]


async def test_a_worker_that_cannot_import_its_module_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the user's own error and line."""
    (tmp_path / "broken_tasks.py").write_text("x = 1\nimport not_installed_anywhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WorkerStartError) as caught:
        async with LocalCluster("broken_tasks", workers=2):
            pass
    assert "No module named 'not_installed_anywhere'" in str(caught.value)
    assert "broken_tasks.py, line 2" in str(caught.value)
    assert "Traceback" not in str(caught.value)


async def test_a_module_without_tasks_is_refused() -> None:
    """The message shows the decorator."""
    with pytest.raises(WorkerStartError, match=r"holds no task.*@task"):
        async with LocalCluster("string", workers=1):
            pass


async def test_what_workers_print_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, and without the line that says ready."""
    (tmp_path / "loud_tasks.py").write_text(
        "from lionherd_dist import task\n"
        "print('loud: imported')\n"
        "@task\nasync def shout() -> None:\n    print('loud: shouted', flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    import loud_tasks

    seen = ""
    async with LocalCluster("loud_tasks", workers=1) as cluster:
        await cluster.run(loud_tasks.shout.call())

        def shouted() -> bool:
            nonlocal seen
            seen += capsys.readouterr().err
            return "loud: shouted" in seen

        await wait_until(shouted, description="the worker's line is on standard error")
    assert seen.splitlines() == ["[worker 1] loud: imported", "[worker 1] loud: shouted"]


@pytest.fixture
def rough_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Tasks that are hard on their processes."""
    (tmp_path / "rough_tasks.py").write_text(
        "import multiprocessing, os, time\n"
        "from pathlib import Path\n"
        "from lionherd_dist import task\n"
        "@task\nasync def leave_once(path: str) -> int:\n"
        "    if Path(path).exists():\n        return os.getpid()\n"
        "    Path(path).touch()\n    os._exit(2)\n"
        "def sleeper(begun):\n    begun.send(1)\n    time.sleep(60)\n"
        "@task\ndef status_of_a_stopped_child() -> int:\n"
        "    fork = multiprocessing.get_context('fork')\n"
        "    mine, its = fork.Pipe()\n"
        "    child = fork.Process(target=sleeper, args=(its,))\n"
        "    child.start()\n    mine.recv()\n    child.terminate()\n    child.join(20)\n"
        "    status = child.exitcode or 0\n    child.kill()\n    return status\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    return importlib.import_module("rough_tasks")


async def test_a_worker_that_a_task_ended_is_started_again_whatever_its_status(
    rough_tasks: ModuleType, tmp_path: Path
) -> None:
    """Status 2 is what many a program says as it ends."""
    quick = Settings(session_s=1)
    async with LocalCluster("rough_tasks", workers=1, settings=quick) as cluster:
        with anyio.fail_after(30):
            assert await cluster.run(rough_tasks.leave_once.call(str(tmp_path / "left"))) > 0


async def test_a_process_that_a_task_forked_can_be_stopped(rough_tasks: ModuleType) -> None:
    """The worker's own way with stop signals is not for its children."""
    async with LocalCluster("rough_tasks", workers=1) as cluster:
        status = await cluster.run(rough_tasks.status_of_a_stopped_child.call())
    assert status == -signal.SIGTERM


async def test_a_fleet_none_of_whose_workers_can_go_on_ends() -> None:
    """Rather than sit there, with nobody at work."""
    async with private_server() as url:
        order = Order(("tasks",), url, 10, 1.0, Settings())
        connection = Connection(url, name="test")
        with anyio.fail_after(30), pytest.raises(ExceptionGroup) as caught:
            async with Fleet(order, size=2, on_output=lambda _: None):
                await connection.call("CONFIG", "SET", "requirepass", "changed")
                await connection.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                await anyio.sleep_forever()
        await connection.close()
    assert isinstance(first_of(caught.value), WorkerStartError)


async def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL of the program: its workers and its server are gone soon after."""
    script = tmp_path / "program.py"
    script.write_text(
        "import asyncio, tasks\n"
        "from lionherd_dist import LocalCluster\n"
        "async def main():\n"
        "    async with LocalCluster('tasks', workers=2, concurrency=1) as cluster:\n"
        "        pids = await cluster.gather(*[tasks.busy_pid.call(0.1)] * 12)\n"
        "        print(*pids, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    program = await anyio.open_process([sys.executable, str(script)], stderr=None)
    assert program.stdout is not None
    line = await BufferedByteReceiveStream(program.stdout).receive_until(b"\n", 1000)
    pids = {int(word) for word in line.split()}
    assert len(pids) == 2
    os.kill(program.pid, signal.SIGKILL)
    await program.wait()
    await wait_until(
        lambda: not any(map(alive, pids)), description="the killed program's workers are gone"
    )
    await program.aclose()


LOUD = """
import os, sys, time
from lionherd_dist import task
print("held until it is ready")
@task
async def shout(what: str) -> None:
    sys.stdout.write(what)
@task
async def die_once(path: str) -> None:
    if not os.path.exists(path):
        open(path, "w").close()
        print("dying")
        os._exit(3)
@task
async def raw() -> None:
    sys.stdout.flush()
    os.write(1, b"\\xff\\xfe\\n")
"""


def test_output_of_workers_arrives_whole(tmp_path: Path) -> None:
    """Long lines, all characters, what a crash cuts off, bytes that are no text, an open end."""
    (tmp_path / "loud_tasks.py").write_text(LOUD)
    (tmp_path / "script.py").write_text(
        "import asyncio, loud_tasks\n"
        "from lionherd_dist import LocalCluster, Settings\n"
        "async def main():\n"
        "    settings = Settings(session_s=1)\n"
        "    async with LocalCluster('loud_tasks', workers=1, settings=settings) as cluster:\n"
        "        await cluster.run(loud_tasks.shout.call('語' * 70_000 + '\\n'))\n"
        "        await cluster.run(loud_tasks.raw.call())\n"
        "        await cluster.run(loud_tasks.die_once.call('died'))\n"
        "        await cluster.run(loud_tasks.shout.call('the end'))\n"
        "if __name__ == '__main__':\n    asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "script.py"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=120,
    )
    held = b"[worker 1] held until it is ready\n"
    # A busy machine may hold a session of one second for lost, of which the worker logs a line.
    logged = re.compile(rb"^\[worker 1\] \d{4}-\d\d-\d\d[^\n]*\n", re.MULTILINE)
    had = re.compile(
        rb"^lionherd-dist: worker 1, which ended with 3, had in hand [^\n]*\n", re.MULTILINE
    )
    (told,) = had.findall(done.stderr)
    assert b"call 0 of job " in told
    assert b"(loud_tasks:die_once)" in told
    assert had.sub(b"", logged.sub(b"", done.stderr)) == b"".join(
        [
            held,
            b"[worker 1] " + "語".encode() * 70_000 + b"\n",
            b"[worker 1] \xff\xfe\n",
            b"[worker 1] dying\n",
            b"lionherd-dist: worker 1 ended with 3; starting another\n",
            held,
            b"[worker 1] the end",
        ]
    )


async def test_what_a_task_started_ends_with_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the worker is killed, and where it ends with the cluster."""
    (tmp_path / "spawning_tasks.py").write_text(
        "import os, subprocess\nfrom lionherd_dist import task\n"
        "@task\nasync def spawn() -> list:\n"
        "    return [os.getpid(), subprocess.Popen(['sleep', '1000']).pid]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    spawning = importlib.import_module("spawning_tasks")
    async with LocalCluster("spawning_tasks", workers=1) as cluster:
        worker, killed = await cluster.run(spawning.spawn.call())
        os.kill(worker, signal.SIGKILL)
        await wait_until(lambda: not runs(killed), description="its process is gone, too")
        _, left = await cluster.run(spawning.spawn.call())
        assert runs(left)
    await wait_until(lambda: not runs(left), description="what was left is gone")


def runs(pid: int) -> bool:
    """True if process *pid* runs; a zombie, which its new parent may leave, does not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return not (state or "Z").startswith("Z")
