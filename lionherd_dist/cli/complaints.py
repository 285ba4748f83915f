"""What went wrong, in one paragraph for people, and the exit status that goes with it."""

import os
import re
import traceback

import click

from lionherd_dist.errors import DecodeError, LionherdError, sole
from lionherd_dist.printable import printable

DEBUG_VARIABLE = "LIONHERD_DEBUG"
MOST_OF_A_LINE = 10_000  # characters
STATUS_FAILED = 1
STATUS_USAGE = 2


class UsageProblemError(Exception):
    """The command cannot be carried out as it was given; the message says what to do."""


class NotThereError(Exception):
    """What the command names is not there: a job, a limiter, a letter; the message says where."""


def exit_status(error: BaseException) -> int:
    """2 where the command itself was wrong, 1 for everything else."""
    ours_of_usage = isinstance(error, ValueError) and not isinstance(error, DecodeError)
    return STATUS_USAGE if ours_of_usage or isinstance(error, UsageProblemError) else STATUS_FAILED


def paragraph(error: BaseException) -> str:
    """*error* as one paragraph; what we did not foresee says how to see all of it."""
    text = _lines(re.sub(r"\n\s*\n+", "\n", str(error).strip()))
    if isinstance(error, LionherdError | ValueError | UsageProblemError | NotThereError) and text:
        return f"Error: {text}"
    what = _lines(traceback.format_exception_only(error)[-1].strip())
    return f"Error: {what} ({DEBUG_VARIABLE}=1 or --debug shows where it comes from)"


def _lines(text: str) -> str:
    """*text* with its line ends, and nothing else that a terminal obeys."""
    return "\n".join(printable(line, MOST_OF_A_LINE) for line in text.split("\n"))


def complain(error: Exception, *, debug: bool) -> int:
    """Print *error* on standard error, with its traceback if *debug*; the exit status for it."""
    if debug:
        click.echo(_lines("".join(traceback.format_exception(error))), err=True)
    found = sole(error)
    if not debug:
        click.echo(paragraph(found), err=True)
    return exit_status(found)


def debug_by_default() -> bool:
    """True if the environment asks for tracebacks."""
    return os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}
