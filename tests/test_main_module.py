"""What the program's own module is called by every process, however the program was started."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = """\
from dataclasses import dataclass
from lionherd_dist import registry, sendable, task

@task
async def fetch() -> None: ...

@sendable
@dataclass
class Point:
    x: int = 0

if __name__ == "__main__":
    entry = registry.of_class(Point)
    print(fetch.name, entry.name, entry is registry.of_name(entry.name))
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory with the same script in many places."""
    for name in ("jobs.py", "my jobs.v2.py", "no_suffix", "app/__main__.py", "pkg/jobs.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(SCRIPT)
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "__main__.py").write_text(SCRIPT)
    with zipfile.ZipFile(tmp_path / "tool.pyz", "w") as archive:
        archive.writestr("__main__.py", SCRIPT)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["jobs.py"], "jobs"),
        (["-P", "./pkg/../jobs.py"], "jobs"),
        (["my jobs.v2.py"], "my_jobs_v2"),
        (["no_suffix"], "no_suffix"),
        (["app"], "app"),
        (["tool.pyz"], "tool"),
        (["-m", "jobs"], "jobs"),
        (["-m", "pkg.jobs"], "pkg.jobs"),
        (["-m", "pkg"], "pkg.__main__"),
        (["-c", SCRIPT], "__main__"),
    ],
)
def test_tasks_and_classes_of_the_program_are_named_as_other_processes_import_it(
    programs: Path, arguments: list[str], module: str
) -> None:
    """Not ``__main__``, which each process has one of, unless there is no file to import."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=programs, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{module}:fetch {module}:Point True\n"


def test_a_profiled_programs_tasks_keep_their_names(programs: Path) -> None:
    """The profiler is what Python was started with, and not what defines the task."""
    done = subprocess.run(
        [sys.executable, "-m", "cProfile", "jobs.py"],
        cwd=programs,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("jobs:fetch ")


def test_a_program_that_one_of_its_modules_imports_registers_its_classes_twice(
    tmp_path: Path,
) -> None:
    """Both copies travel under one name, and come back as the copy that the program's code has."""
    (tmp_path / "jobs.py").write_text("import beside\n" + SCRIPT)
    (tmp_path / "beside.py").write_text("import jobs\n")
    done = subprocess.run(
        [sys.executable, "jobs.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout == "jobs:fetch jobs:Point True\n"


def test_a_child_of_multiprocessing_calls_them_the_same(tmp_path: Path) -> None:
    """There the program's module is ``__mp_main__``."""
    (tmp_path / "jobs.py").write_text(
        SCRIPT.replace('if __name__ == "__main__":', "def show() -> None:")
        + 'if __name__ == "__main__":\n'
        "    import multiprocessing\n"
        "    child = multiprocessing.get_context('spawn').Process(target=show)\n"
        "    child.start()\n    child.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "jobs.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "jobs:fetch jobs:Point True\n"
