"""The program's entry: ``lionherd-dist`` and ``python -m lionherd_dist``."""

import os
import sys
from collections.abc import Sequence

from lionherd_dist.runtime.ending import leave

try:
    from lionherd_dist.cli.main import run
except ModuleNotFoundError as _error:
    _missing = (_error.name or "").partition(".")[0]
    if _missing not in {"click", "rich"}:
        raise

    def run(argv: Sequence[str] | None = None) -> int:  # noqa: ARG001 (as the one that is missing)
        """Say what is to be installed; the exit status."""
        print(  # noqa: T201 (there is no click to print with)
            f"Error: the command line needs {_missing}, which is not installed. Install it with: "
            'pip install "lionherd-dist[cli]"',
            file=sys.stderr,
        )
        return 2


def fill_closed_streams() -> None:
    """Put the null device where a standard stream is closed, or any file may get its number.

    A closed input is then an empty one, and a closed output takes what nobody reads.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Opened in order of their numbers, each gets the lowest that is free: its own.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def main() -> int:
    """Run the program; its exit status."""
    fill_closed_streams()
    return leave(run())


if __name__ == "__main__":
    sys.exit(main())
