"""The modules whose tasks workers run: what may be given for one, and what a worker has to know."""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lionherd_dist.arguments import shown
from lionherd_dist.main_module import MAIN, START_DIRECTORY, main_module, name_of_file
from lionherd_dist.task import Task

_NO_MAIN = (
    "this program has no file that a worker could import (it is an interactive session, a notebook "
    'or python -c): put the tasks into a module, my_tasks.py, and give its name, "my_tasks"'
)


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """A module, as a process that has not imported it needs to know it.

    Attributes:
        name: the same in all processes, as the names of its tasks begin with it.
        file: where it is, if that is known: it need not be on the worker's path.
    """

    name: str
    file: str | None


def main_source() -> ModuleSource:
    """The module that this program was started with.

    Raises:
        ValueError: it has no file.
    """
    main = main_module()
    if main is None:
        raise ValueError(_NO_MAIN)
    return ModuleSource(main.name, main.file)


def source_of(given: object) -> ModuleSource:
    """The module that *given* stands for: a name, a path of a file, or the module itself.

    Raises:
        TypeError: it is none of those.
        ValueError: it is no name of a module, or there is no such file.
    """
    if isinstance(given, ModuleType):
        return _of_name(given.__name__, given)
    if isinstance(given, str):
        if given.endswith(".py") or os.sep in given:
            return _of_path(given)
        if ":" in given:
            raise ValueError(
                f"{given!r} names a task: give its module alone, {given.partition(':')[0]!r}"
            )
        if not given.strip() or given.startswith("."):
            raise ValueError(f'{given!r} is no name of a module: give it in full, "my_tasks"')
        return _of_name(given, sys.modules.get(given))
    if isinstance(given, os.PathLike):
        return _of_path(os.fspath(given))
    if isinstance(given, Task):
        module = given.name.partition(":")[0]
        raise TypeError(f"{given!r} is a task: give the module that defines it, {module!r}")
    raise TypeError(
        f"{shown(given)} is no module: give names, paths or modules, one by one, as in "
        'LocalCluster("my_tasks", "jobs/more.py")'
    )


def files_of(sources: Iterable[ModuleSource]) -> dict[str, str]:
    """The files of those *sources* that have one, by name."""
    return {source.name: source.file for source in sources if source.file is not None}


def _of_name(name: str, module: ModuleType | None) -> ModuleSource:
    if name == MAIN:
        return main_source()
    file = getattr(module, "__file__", None)
    return ModuleSource(name, str(Path(START_DIRECTORY, file)) if isinstance(file, str) else None)


def _of_path(given: str | bytes) -> ModuleSource:
    path = os.fsdecode(given)
    file = next((one for one in _candidates(path) if one.is_file()), None)
    if file is None:
        hint = f"; a module is named without .py, {path[:-3]!r}" if path.endswith(".py") else ""
        raise ValueError(f"there is no file {Path.cwd() / path}{hint}")
    main = main_module()
    if main is not None and is_same_file(main.file, str(file)):
        return ModuleSource(main.name, main.file)
    for name, module in list(sys.modules.items()):
        if name != MAIN and is_same_file(getattr(module, "__file__", None), str(file)):
            return ModuleSource(name, str(file))
    return ModuleSource(_dotted(file), str(file))


def _candidates(path: str) -> Iterator[Path]:
    """The files that *path* may mean: from here, or from where the program was started."""
    for base in (Path.cwd(), Path(START_DIRECTORY)):
        yield Path(os.path.normpath(base / path))


def _dotted(file: Path) -> str:
    """The name of the module that *file* is, with the packages that it is in."""
    parts = [] if file.name == "__init__.py" else [name_of_file(file)]
    directory = file.parent
    while (directory / "__init__.py").is_file():
        parts.insert(0, directory.name)
        directory = directory.parent
    return ".".join(parts)


def is_same_file(one: object, other: str) -> bool:
    """True if both are the path of one file, which may be in a zip file."""
    if not isinstance(one, str):
        return False
    try:
        return one == other or Path(one).samefile(other)
    except OSError:
        return False
