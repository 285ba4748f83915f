"""Warnings of this package as sentences: who runs a command did not write the line they name."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lionherd_dist.cli.progress import say_on_stderr
from lionherd_dist.errors import LimiterWarning
from lionherd_dist.printable import printable

_PACKAGE = str(Path(__file__).parent.parent) + "/"


@contextmanager
def told_in_sentences(wanted: Callable[[], bool]) -> Iterator[None]:
    """Tell warnings of ours in a sentence, while this is entered and *wanted*; others as ever."""
    as_ever = warnings.showwarning

    def show(  # noqa: PLR0917 (as warnings.showwarning has them)
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        ours = issubclass(category, LimiterWarning) or filename.startswith(_PACKAGE)
        if ours and file is None and wanted():
            say_on_stderr(f"Warning: {printable(str(message), 1_000)}")
        else:
            as_ever(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = as_ever
