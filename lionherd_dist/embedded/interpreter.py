"""The command for another Python that imports what this one imports."""

import os
import subprocess
import sys
from pathlib import Path

from lionherd_dist.errors import WorkerStartError
from lionherd_dist.main_module import START_DIRECTORY

# The modules of the code itself may be found through the path only, so that it comes first.
_BEGIN = "import sys; sys.path[:] = sys.argv[1:]; del sys.argv[1:]; "


def python_command(code: str) -> list[str]:
    """The command that runs *code* with the options, warning filters and ``sys.path`` of ours.

    Raises:
        WorkerStartError: this program does not know its interpreter, as when it is embedded.
    """
    if not sys.executable:
        raise WorkerStartError(
            "sys.executable is empty, so no worker can be started: set it to a Python interpreter"
        )
    return [sys.executable, *_options(), "-c", _BEGIN + code, *search_path()]


def search_path() -> list[str]:
    """``sys.path`` as another process needs it: absolute.

    A relative entry means the directory that this program was started in, and the current one.
    """
    entries = [entry for entry in sys.path if isinstance(entry, str)]  # Python skips all others
    bases = [START_DIRECTORY, *_current_directory()]
    absolute = [str(Path(base, entry)) for entry in entries for base in bases]
    return list(dict.fromkeys(absolute))


def _current_directory() -> list[str]:
    try:
        return [os.getcwd()]  # noqa: PTH109 (it may be gone, and is only joined)
    except OSError:
        return []


def _options() -> list[str]:
    # Private, but what multiprocessing itself starts its children with. It knows some -X only.
    known: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    named = [
        f"-X{name}" if value is True else f"-X{name}={value}"
        for name, value in sys._xoptions.items()  # noqa: SLF001 (documented, for CPython)
    ]
    return [*known, *named]
