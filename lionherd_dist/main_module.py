"""The module that a program was started with: what other processes call it, and where it is.

Python calls it ``__main__`` in this process. Another process that imports the same file knows it by
a name of its own, and the tasks and classes that it defines have to be called the same in both.
"""

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MAIN = "__main__"
_MAINS = (MAIN, "__mp_main__")  # the second one is what multiprocessing calls it in its children

# Relative paths of sys.path and of modules were meant from here, whatever os.chdir came later.
try:
    START_DIRECTORY = os.getcwd()  # noqa: PTH109 (it may be gone, and is only ever joined)
except OSError:
    START_DIRECTORY = "/"


@dataclass(frozen=True, slots=True)
class MainModule:
    """How another process imports the module that this program was started with.

    Attributes:
        name: ``pkg.script`` after ``python -m pkg.script``; ``script`` after ``python script.py``.
        file: its source, or its place in a zip file; absolute.
    """

    name: str
    file: str


def main_module(namespace: Mapping[str, object] | None = None) -> MainModule | None:
    """The module that this program was started with.

    None for what has no file: an interactive session, a notebook, ``python -c``, standard input.

    Args:
        namespace: its global variables; those of ``__main__`` unless given.
    """
    if namespace is None:
        namespace = vars(sys.modules[MAIN])
    spec_name = getattr(namespace.get("__spec__"), "name", None)
    given = namespace.get("__file__")
    if not isinstance(given, str):
        return None
    file = Path(START_DIRECTORY, given)
    if isinstance(spec_name, str) and spec_name not in _MAINS:
        return MainModule(spec_name, str(file))
    is_archive = file.parent.is_file()
    with suppress(OSError):
        if file.is_file() or is_archive:
            of_directory = is_archive or spec_name is not None  # python app.pyz, python directory
            return MainModule(name_of_file(file.parent if of_directory else file), str(file))
    return None


def name_of_file(file: Path) -> str:
    """The name of the module that *file* is, if it is imported by its path: ``jobs`` of jobs.py."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", file.stem)


def shared_module_name(name: str, namespace: Mapping[str, object] | None = None) -> str:
    """What every process calls the module *name*, which ``__name__`` is here.

    Args:
        name: as this process calls it.
        namespace: its global variables, if they are known to be other than those of *name*.
    """
    if name not in _MAINS:
        return name
    if namespace is None or namespace.get("__name__") != name:
        namespace = vars(sys.modules.get(name, sys.modules[MAIN]))
    found = main_module(namespace)
    return name if found is None else found.name
