"""A child is the program itself, and ends when its parent does."""

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from helpers import wait_until

from lionherd_dist.embedded.child import Child

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops that a cluster may run on."""
    return "asyncio", {"use_uvloop": request.param.endswith("uvloop")}


@asynccontextmanager
async def python(code: str, *args: str, **options: object) -> AsyncIterator[Child]:
    child = await Child.start([sys.executable, "-c", code, *args], **options)  # type: ignore[arg-type]
    try:
        yield child
    finally:
        await child.stop()


def lives(pid: int) -> bool:
    """True if process *pid* runs; a zombie does not."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    states = dict(line.split() for line in listed.splitlines())
    return not states.get(str(pid), "Z").startswith("Z")


def children_of(pid: int) -> list[int]:
    """Processes that *pid* started and has not reaped: zombies too, without the ps that looks."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    return [int(row[0]) for row in rows if int(row[1]) == pid and row[2] != "ps"]


def descriptors() -> set[str]:
    return set(os.listdir("/dev/fd"))  # noqa: PTH208 (what the kernel lists, not a directory)


async def what_is_open() -> tuple[set[str], set[int]]:
    """Our descriptors and child processes, after a first child: uvloop keeps a /dev/null of it."""
    async with python(""):
        pass
    return descriptors(), set(children_of(os.getpid()))


async def test_arguments_and_environment_arrive_exactly() -> None:
    """Blanks, quotes, new lines, nothing, and names that a shell could not write."""
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    args = ["a b", "", "'\"$HOME`id`", "line\nline", "--", "é\udcff"]
    env = {"PATH": os.environ["PATH"], "PLAIN": "x y\nz", "with.dot": "1", "é": "2", "EMPTY": ""}
    async with python(code, *args, env=env) as child:
        assert await child.wait() == 0
        got_args, got_env = json.loads(child.output)
    assert got_args == args
    added = {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}  # of the shell, and of Python itself
    assert {name: value for name, value in got_env.items() if name not in added} == env


async def test_the_pid_is_the_programs_own() -> None:
    """A signal sent to it is a signal to the program."""
    async with python("import os; print(os.getpid(), os.getsid(0))") as child:
        await child.wait()
        assert child.output.split() == [str(child.pid), str(child.pid)]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", 0),
        ("raise SystemExit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    ],
)
async def test_the_exit_status_is_the_programs_own(code: str, status: int) -> None:
    """Signals are negative, as everywhere in Python."""
    async with python(code) as child:
        assert await child.wait() == status
        assert child.returncode == status
        assert await child.stop() == status


async def test_a_signal_in_the_moment_of_its_end_leaves_the_exit_status_alone() -> None:
    """Sending must not take the status away from the event loop; each try is a matter of luck."""
    for _ in range(40):
        child = await Child.start(["/bin/sh", "-c", "exit 3"])
        for turn in range(400):
            child.send_signal(signal.SIGCONT)
            if turn % 20 == 0:
                await anyio.lowlevel.checkpoint()
        assert await child.wait() == 3


async def test_a_program_that_does_not_exist_says_so() -> None:
    """In its output, with the status that shells use."""
    child = await Child.start(["/none/such"])
    assert await child.wait() == 127
    assert "/none/such" in child.output


async def test_the_end_of_the_output_is_kept() -> None:
    """Both streams, the last 64 KiB, and everything is passed on as it comes."""
    pieces: list[bytes] = []
    code = "import sys; print('x' * 10**6); sys.stderr.write('the end')"
    async with python(code, on_output=pieces.append) as child:
        await child.wait()
        assert child.output.endswith("the end")
        assert len(child.output) == 64 * 1024
    assert len(b"".join(pieces)) == 10**6 + 1 + len("the end")


DETACHED = """
import subprocess
sleeper = subprocess.Popen(["sleep", "1000"], start_new_session=True)
print(sleeper.pid, flush=True)
"""


async def test_what_it_left_running_does_not_hold_us_up() -> None:
    """What it started in a session of its own has the output too, and may keep it for ever."""
    async with python(DETACHED) as child:
        with anyio.fail_after(10):
            await child.wait()
        assert lives(int(child.output))
        os.kill(int(child.output), signal.SIGKILL)


NOISY_PARENT = """
import os, signal, subprocess, sys
sleepers = [
    subprocess.Popen(["sleep", "1000"]),
    subprocess.Popen(["sh", "-c", "trap '' HUP INT TERM; sleep 1000; sleep 1000"]),
    subprocess.Popen(["nohup", "sleep", "1000"], stdout=subprocess.DEVNULL),
]
reading, writing = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        pids = [os.getpid(), *[sleeper.pid for sleeper in sleepers]]
        os.write(1, f"ready {pids}\\n".encode())
        os.write(writing, b"!")
        signal.pause()
    os._exit(0)
os.read(reading, 1)
if sys.argv[1] == "exit":
    os._exit(0)
if sys.argv[1] == "SIGKILL":
    os.kill(os.getpid(), signal.SIGKILL)
signal.pause()
"""


@pytest.mark.parametrize("how", ["exit", "SIGKILL", "stop"])
async def test_what_a_child_started_ends_with_it(how: str) -> None:
    """Processes that ignore signals, and those whose parent is gone already, as well."""
    async with python(NOISY_PARENT, how) as child:
        await wait_until(lambda: "ready" in child.output, description="all are there")
        if how == "stop":
            await child.stop(grace_s=20)
        await child.wait()
        pids = json.loads(child.output.partition("ready ")[2].splitlines()[0])
    assert len(pids) == 4
    await wait_until(lambda: not any(map(lives, pids)), description="all of its processes end")


@pytest.mark.parametrize("grace_s", [0.0, 0.2])
async def test_what_a_child_started_ends_with_the_parent(grace_s: float) -> None:
    """The watcher ends the whole group."""
    parent, pids = parent_of(
        [sys.executable, "-W", "ignore", "-c", NOISY_PARENT, "run"], orphan_grace_s=grace_s
    )
    with parent:
        parent.kill()
    await wait_until(lambda: not any(map(in_group, pids)), description="both groups are gone")


def in_group(number: int) -> bool:
    """True if a process of group *number* runs."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    return any(row[0] == str(number) and not row[1].startswith("Z") for row in rows)


async def test_terminate_reaches_the_program_itself() -> None:
    """It can end in its own way."""
    code = """
import os, signal, sys
def bye(*_):
    print("bye"); sys.exit(5)
signal.signal(signal.SIGTERM, bye)
os.write(1, b"ready\\n")
while True: signal.pause()
"""
    async with python(code) as child:
        await wait_until(lambda: "ready" in child.output, description="the program is ready")
        assert await child.stop(grace_s=20) == 5
        assert child.output.split() == ["ready", "bye"]


STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"ready\\n")
while True: signal.pause()
"""


async def test_a_stubborn_program_is_killed_after_the_grace() -> None:
    """Whoever stops it has stopped it."""
    async with python(STUBBORN) as child:
        await wait_until(lambda: "ready" in child.output, description="the program is ready")
        assert await child.stop(grace_s=0.1) == -signal.SIGKILL


async def test_a_cancelled_stop_has_stopped_it_all_the_same() -> None:
    """Clean-up is shielded."""
    async with python(STUBBORN) as child:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await child.stop()
        assert child.returncode == -signal.SIGKILL


async def test_a_child_that_ended_leaves_nothing_behind() -> None:
    """No descriptor, no process, no watcher."""
    before, processes = await what_is_open()
    async with python("input()") as child:
        await child.wait()
        assert "EOFError" in child.output  # its standard input is empty
    assert descriptors() == before
    await wait_until(
        lambda: set(children_of(os.getpid())) <= processes, description="no process is left"
    )
    await wait_until(lambda: not watchers_of(child.pid), description="its watcher has left")


def watchers_of(pid: int) -> list[int]:
    """Processes of the session that the child led."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,sess=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    return [int(row[0]) for row in rows if row[1] == str(pid) and not row[2].startswith("Z")]


def is_there(path: Path) -> bool:
    return path.is_dir()


async def test_what_orphans_leave_to_remove_stays_while_we_live(tmp_path: Path) -> None:
    """The watcher of a child that ended by itself just leaves."""
    child = await Child.start(["true"], orphan_remove=str(tmp_path))
    assert await child.wait() == 0
    await wait_until(lambda: not watchers_of(child.pid), description="its watcher has left")
    assert is_there(tmp_path)


async def test_a_start_is_not_interrupted() -> None:
    """The cancellation comes after it, when there is a child that can be stopped."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        child = await Child.start(["sleep", "1000"])
        try:
            await anyio.lowlevel.checkpoint()
        finally:
            assert await child.stop() == -signal.SIGKILL
    assert scope.cancelled_caught


async def test_a_start_that_is_cancelled_leaves_nothing_behind() -> None:
    """At whatever moment of the start it comes."""
    before, processes = await what_is_open()
    started: list[Child] = []
    for turns in [*range(6)] * 5:

        async def start(scope: anyio.CancelScope) -> None:
            with scope:
                started.append(await Child.start(["sleep", "1000"]))

        scope = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(start, scope)
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            scope.cancel()
    for child in started:
        await child.stop()
    gc.collect()  # a process that was not reaped warns when it is collected
    await wait_until(
        lambda: set(children_of(os.getpid())) <= processes, description="no process is left"
    )
    await wait_until(lambda: descriptors() == before, description="no descriptor is left")


PARENT = """
import asyncio, json, subprocess, sys
from lionherd_dist.embedded.child import Child
async def main(argv, beside, options):
    children = [await Child.start(argv, **options) for _ in range(2)]
    while not all("ready" in child.output for child in children):
        await asyncio.sleep(0.005)
    if beside:
        subprocess.Popen(beside, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    print(json.dumps([child.pid for child in children]), flush=True)
    sys.stdin.readline()
asyncio.run(main(*json.loads(sys.argv[1])))
"""


def parent_of(
    argv: Sequence[str], *, beside: Sequence[str] = (), **options: object
) -> tuple[subprocess.Popen[str], list[int]]:
    """A process that started *argv* twice, as children, and their pids.

    It leads a group, in which it has started *beside* too, as an ordinary process.
    """
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PARENT, json.dumps([argv, beside, options])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    return parent, json.loads(parent.stdout.readline())


READY = "import os, time; os.write(1, b'ready\\n'); time.sleep(1000)"


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "exit", "os._exit"])
async def test_children_end_with_their_parent(how: str, tmp_path: Path) -> None:
    """However it ends; and what they were to remove is removed."""
    doomed = tmp_path / "doomed"
    doomed.mkdir()
    (doomed / "file").touch()
    parent, pids = parent_of([sys.executable, "-c", READY], orphan_remove=str(doomed))
    with parent:
        assert all(map(lives, pids))
        if how.startswith("SIG"):
            parent.send_signal(signal.Signals[how])
        else:
            assert parent.stdin is not None
            parent.stdin.write("\n")
            parent.stdin.flush()
    await wait_until(lambda: not any(map(lives, pids)), description="the children are gone")
    await wait_until(lambda: not doomed.exists(), description="the directory is gone")
    await wait_until(lambda: not any(map(watchers_of, pids)), description="the watchers are gone")


async def test_an_orphan_with_a_grace_ends_in_its_own_way(tmp_path: Path) -> None:
    """One SIGTERM, and time; a stubborn one is killed."""
    said = tmp_path / "said"
    code = f"""
import os, signal, sys, time
def bye(*_):
    with open({str(said)!r}, "a") as file: file.write("bye ")
    time.sleep(0.3)
    sys.exit()
signal.signal(signal.SIGTERM, bye)
os.write(1, b"ready\\n")
while True: signal.pause()
"""
    parent, pids = parent_of([sys.executable, "-c", code], orphan_grace_s=20)
    with parent:
        parent.kill()
    await wait_until(lambda: not any(map(lives, pids)), description="the children are gone")
    assert said.read_text() == "bye bye "

    parent, pids = parent_of([sys.executable, "-c", STUBBORN], orphan_grace_s=0.2)
    with parent:
        parent.kill()
    await wait_until(lambda: not any(map(lives, pids)), description="they were killed")


async def test_a_stopped_orphan_ends_too() -> None:
    """SIGSTOP does not keep it."""
    parent, pids = parent_of([sys.executable, "-c", READY], orphan_grace_s=0.2)
    with parent:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
    await wait_until(lambda: not any(map(lives, pids)), description="the children are gone")


async def test_a_ctrl_c_in_the_terminal_does_not_reach_it() -> None:
    """It goes to the group of the parent; the child leads its own."""
    async with python("import os; print(os.getpgid(0))") as child:
        await child.wait()
        assert int(child.output) != os.getpgid(0)


async def test_other_processes_do_not_hold_the_pipe() -> None:
    """Else the children of a dead parent would live as long as its other children do."""
    parent, pids = parent_of([sys.executable, "-c", READY], beside=["sleep", "1000"])
    with parent:
        parent.kill()
    try:
        await wait_until(lambda: not any(map(lives, pids)), description="the children are gone")
    finally:
        os.killpg(parent.pid, signal.SIGKILL)  # the sleeper, an ordinary process of the parent
