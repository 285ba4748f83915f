"""Warnings about a limiter, which stand at the line of the user who took it."""

import contextlib
import inspect
import warnings
from pathlib import Path

from lionherd_dist.errors import LimiterWarning

_PACKAGE = str(Path(__file__).parent.parent) + "/"
_OURS = (_PACKAGE, contextlib.__file__)  # what acquire_all and exit stacks put between


def warn(text: str) -> None:
    """Warn of *text*, at the first line up the stack that is not the library's.

    Coroutines that await each other stand above each other on the stack while one of them runs. No
    fixed ``stacklevel`` counts them: a block, ``acquire`` and ``acquire_all`` differ. (From Python
    3.12 on this is ``skip_file_prefixes``.)
    """
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, LimiterWarning, stacklevel=level)


def warn_at(text: str, filename: str, line: int) -> None:
    """Warn of *text* at a place in the user's code, where none of it is on the stack."""
    warnings.warn_explicit(text, LimiterWarning, filename, line)
