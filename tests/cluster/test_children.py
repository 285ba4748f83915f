"""Worker processes rebuild what the program that starts them has, however that was started."""

import importlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tasks

from lionherd_dist import LocalCluster, WorkerStartError

pytestmark = pytest.mark.anyio

BESIDE = """\
import os, sys
from dataclasses import dataclass
from lionherd_dist import sendable, task

@sendable
@dataclass
class Point:
    x: int

@task
async def double(point: Point) -> Point:
    return Point(2 * point.x)

@task
async def interpreter() -> list:
    flags = sys.flags
    return [flags.optimize, flags.dont_write_bytecode, flags.isolated, flags.utf8_mode,
            flags.dev_mode, dict(sys._xoptions), sys.warnoptions, sys.executable, sys.argv]
"""

MAIN = """\
async def main() -> None:
    async with LocalCluster(MODULES, workers=1) as cluster:
        assert await cluster.run(double.call(Point(2))) == Point(4)
    print("done")

if __name__ == "__main__":
    asyncio.run(main())
"""
IMPORTS = "import asyncio, os, sys\nfrom lionherd_dist import LocalCluster\n"
BESIDE_ITS_TASKS = IMPORTS + "from beside import Point, double\n" + MAIN
OF_ITS_OWN = BESIDE + IMPORTS + MAIN


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A directory that has nothing in it."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    return directory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with a script, and its tasks beside it."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "beside.py").write_text(BESIDE)
    (directory / "script.py").write_text(BESIDE_ITS_TASKS.replace("MODULES", '"beside"'))
    return directory


def test_a_script_beside_its_tasks_is_started_from_anywhere(project: Path, elsewhere: Path) -> None:
    """Workers have its search path, not their working directory."""
    done = run(project / "script.py", cwd=elsewhere)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.parametrize(
    "change",
    [
        "os.chdir('/')",
        "sys.path.remove(os.path.dirname(__file__))",
        "sys.path.insert(0, 'project'); os.chdir('/')",
    ],
)
def test_a_module_that_the_program_has_is_found_whatever_changed_since(
    project: Path, change: str
) -> None:
    """The directory, and the search path itself."""
    script = project / "script.py"
    script.write_text(script.read_text().replace("if __name__ ==", f"{change}\nif __name__ =="))
    done = run("project/script.py", cwd=project.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_relative_entries_of_the_path_mean_where_the_program_was_started(
    project: Path, elsewhere: Path
) -> None:
    """Also for a module that only the workers import."""
    script = elsewhere / "script.py"
    script.write_text(
        IMPORTS + "sys.path.append('project')\nos.chdir('/')\n"
        "async def main():\n"
        "    async with LocalCluster('beside', workers=1):\n        print('done')\n"
        "if __name__ == '__main__':\n    asyncio.run(main())\n"
    )
    done = run(script, cwd=project.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_workers_have_the_interpreters_options(project: Path, elsewhere: Path) -> None:
    """Flags, warning filters, -X options, and what the program was given."""
    script = project / "script.py"
    script.write_text(
        IMPORTS + "import json, beside\n"
        "async def main():\n"
        "    async with LocalCluster('beside', workers=1) as cluster:\n"
        "        there = await cluster.run(beside.interpreter.call())\n"
        "        print(json.dumps([there, await beside.interpreter()]))\n"
        "if __name__ == '__main__':\n    asyncio.run(main())\n"
    )
    options = ["-O", "-B", "-Xdev", "-Xutf8", "-Xmine=1", "-Xint_max_str_digits=5000"]
    done = run(*options, "-Wignore::ImportWarning", script, "--argument", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    there, here = json.loads(done.stdout)
    assert there == here
    assert there[0] == 1
    assert there[5]["mine"] == "1"


def test_a_script_runs_tasks_of_its_own(project: Path, elsewhere: Path) -> None:
    """However it names itself; nothing has to be moved, and its classes travel, too."""
    script = project / "own.py"
    loop = "for modules in [], [__name__], [__file__]:\n"
    text = OF_ITS_OWN.replace("MODULES", "*modules").replace("main() ->", "main(modules) ->")
    script.write_text(
        text.replace("    asyncio.run(main())", f"    {loop}        asyncio.run(main(modules))")
    )
    done = run(script, cwd=elsewhere)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n" * 3, "")


@pytest.mark.parametrize(
    "how", ["-m", "without a suffix", "without its directory", "in a zip file"]
)
def test_tasks_of_the_program_itself_are_found_however_it_was_started(
    project: Path, elsewhere: Path, how: str
) -> None:
    """By its name where it has one, else by its file."""
    text = OF_ITS_OWN.replace("MODULES", "__name__")
    match how:
        case "-m":
            (project / "pkg").mkdir()
            (project / "pkg" / "__init__.py").touch()
            (project / "pkg" / "names.py").touch()
            (project / "pkg" / "own.py").write_text("from . import names\n" + text)
            done = run("-m", "pkg.own", cwd=project)
        case "in a zip file":
            with zipfile.ZipFile(project / "tool.pyz", "w") as archive:
                archive.writestr("__main__.py", text)
            done = run(project / "tool.pyz", cwd=elsewhere)
        case _:
            (project / "my own").write_text(text)
            options = ["-P"] if how == "without its directory" else []
            done = run(*options, project / "my own", cwd=elsewhere)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


async def test_a_module_is_named_by_its_path_or_by_itself(
    project: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is; of a package it is imported as a part of that."""
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(project))
    beside = importlib.import_module("beside")
    try:
        monkeypatch.chdir(elsewhere)
        for given in (beside, project / "beside.py", "../project/beside.py"):
            async with LocalCluster(given, workers=1) as cluster:
                result = await cluster.run(beside.double.call(beside.Point(1)))
                assert result == beside.Point(2)
    finally:
        del sys.modules["beside"]


@pytest.mark.parametrize(
    ("modules", "kind", "message"),
    [
        (("nowhere.py",), ValueError, "there is no file .*nowhere.py; a module is named without"),
        ((Path("nowhere"),), ValueError, "there is no file"),
        (("",), ValueError, "'' is no name of a module"),
        ((".tasks",), ValueError, "in full"),
        (("tasks:double",), ValueError, "give its module alone, 'tasks'"),
        ((["tasks"],), TypeError, "one by one"),
        ((None,), TypeError, "None is no module"),
        ((b"tasks",), TypeError, "is no module"),
        ((tasks.double,), TypeError, "give the module that defines it, 'tasks'"),
    ],
)
def test_what_is_no_module_is_refused_at_once(
    modules: tuple[object, ...], kind: type[Exception], message: str
) -> None:
    """With what to give instead."""
    with pytest.raises(kind, match=message):
        LocalCluster(*modules)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, 2.5, "2", None, True])
@pytest.mark.parametrize("name", ["workers", "concurrency"])
def test_numbers_are_checked_at_once(name: str, value: object) -> None:
    """By name and value."""
    with pytest.raises((TypeError, ValueError), match=f"{name} is {value!r}: give"):
        LocalCluster("tasks", **{name: value})  # type: ignore[arg-type]


def test_two_modules_of_one_name_are_refused(tmp_path: Path) -> None:
    """The names of their tasks would be the same."""
    for directory in ("a", "b"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "jobs.py").touch()
    with pytest.raises(ValueError, match="two modules are named 'jobs'"):
        LocalCluster(tmp_path / "a" / "jobs.py", tmp_path / "b" / "jobs.py")


def test_a_program_without_tasks_has_to_name_a_module(elsewhere: Path) -> None:
    """Workers that import it would have nothing to do."""
    (elsewhere / "idle.py").write_text(
        IMPORTS + "async def main():\n    async with LocalCluster(): pass\n"
        "if __name__ == '__main__':\n    asyncio.run(main())\n"
    )
    done = run("idle.py", cwd=elsewhere)
    assert "idle.py, holds no task: give the module that holds them" in done.stderr


def test_a_session_without_a_file_says_so(elsewhere: Path) -> None:
    """It is what an interactive session and a notebook have, too."""
    done = run("-c", IMPORTS + "LocalCluster()", cwd=elsewhere)
    assert "ValueError: this program has no file that a worker could import" in done.stderr
    assert run("-c", IMPORTS + "LocalCluster('beside')", cwd=elsewhere).returncode == 0


OPENING = {
    "a local cluster": "async with LocalCluster(__name__, workers=3): print('open' + 'ed')",
    "a cluster": "async with Cluster('redis://localhost:1'): print('open' + 'ed')",
    "a fleet": "async with Fleet(Order(('s',), 'u', 1, 1.0, Settings()), size=1, on_output=id): 1",
    "a server": "async with private_server(): print('open' + 'ed')",
    "one in a group": "async with create_task_group() as group: group.start_soon(use)",
}
UNGUARDED = (
    BESIDE + IMPORTS + "import threading, time\n"
    "from lionherd_dist import Cluster, Settings, create_task_group\n"
    "from lionherd_dist.embedded.server import private_server\n"
    "from lionherd_dist.fleet import Fleet\n"
    "from lionherd_dist.runtime.process import Order\n"
    "async def use():\n    async with LocalCluster(__name__, workers=3): print('open' + 'ed')\n"
    "async def main():\n    OPENING\n"
)


@pytest.mark.parametrize("what", OPENING)
async def test_a_module_that_opens_a_cluster_as_a_worker_imports_it_is_refused(
    project: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As multiprocessing refuses it, with the line that is missing; nothing is started."""
    name = f"unguarded_{list(OPENING).index(what)}"
    (project / f"{name}.py").write_text(
        UNGUARDED.replace("OPENING", OPENING[what]) + "asyncio.run(main())\n"
    )
    monkeypatch.syspath_prepend(str(project))
    with pytest.raises(WorkerStartError) as caught:
        async with LocalCluster(name, workers=2):
            pass
    assert 'if __name__ == "__main__":' in str(caught.value)
    assert f"{name}.py, line" in str(caught.value)
    assert "opened" not in str(caught.value)


def test_a_script_without_the_guard_ends_in_an_error_that_shows_it(
    project: Path, elsewhere: Path
) -> None:
    """Its workers refuse to start workers; it ends at once, and nothing is left running."""
    script = project / "bomb.py"
    text = UNGUARDED.replace("OPENING", OPENING["a local cluster"])
    script.write_text(text + "asyncio.run(main())\n")
    done = run(script, cwd=elsewhere)
    assert done.returncode == 1
    assert done.stdout == ""
    assert 'if __name__ == "__main__":\n        asyncio.run(main())' in done.stderr
    assert "WorkerStartError: worker" in done.stderr


def test_a_thread_that_a_module_starts_cannot_open_a_cluster_in_a_worker(
    project: Path, elsewhere: Path
) -> None:
    """Also when the import is over by then: each worker would start such a thread again."""
    (project / "threaded.py").write_text(
        UNGUARDED.replace("OPENING", OPENING["a local cluster"])
        + "def later():\n    begun.wait()\n    asyncio.run(main())\n"
        "begun = threading.Event()\n"
        "threading.Thread(target=later, daemon=True).start()\n"
        "@task\nasync def let_it() -> None:\n    begun.set()\n    await asyncio.sleep(0.5)\n"
    )
    script = project / "script.py"
    script.write_text(
        IMPORTS + "import threaded\n"
        "async def work():\n"
        "    async with LocalCluster('threaded', workers=1) as cluster:\n"
        "        await cluster.run(threaded.let_it.call())\n"
        "if __name__ == '__main__':\n    asyncio.run(work())\n"
    )
    done = run(script, cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert "[worker 1] lionherd_dist.errors.WorkerStartError: a worker process" in done.stderr
    assert "opened" not in done.stderr


NESTED = """\
@task
async def nested(depth: int) -> int:
    async with LocalCluster(__name__, workers=1) as cluster:
        return (await cluster.run(double.call(Point(depth)))).x

@task
def nested_in_a_thread(depth: int) -> int:
    return asyncio.run(nested(depth))
"""


async def test_a_task_may_open_a_cluster_of_its_own(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for each time that the task is called, and not by each worker."""
    (project / "nesting.py").write_text(BESIDE + IMPORTS + NESTED)
    monkeypatch.syspath_prepend(str(project))
    nesting = importlib.import_module("nesting")
    try:
        async with LocalCluster("nesting", workers=1) as cluster:
            assert await cluster.run(nesting.nested.call(3)) == 6
            assert await cluster.run(nesting.nested_in_a_thread.call(4)) == 8
    finally:
        del sys.modules["nesting"]
