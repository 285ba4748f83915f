"""What went wrong, in one paragraph for people, and the exit status that goes with it."""

import os
import re
import traceback

import click

from lionherd_dist.errors import DecodeError, LionherdError, sole

DEBUG_VARIABLE = "LIONHERD_DEBUG"
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
    text = re.sub(r"\n\s*\n+", "\n", str(error).strip())
    if isinstance(error, LionherdError | ValueError | UsageProblemError | NotThereError) and text:
        return f"Error: {text}"
    what = traceback.format_exception_only(error)[-1].strip()
    return f"Error: {what} ({DEBUG_VARIABLE}=1 or --debug shows where it comes from)"


def complain(error: Exception, *, debug: bool) -> int:
    """Print *error* on standard error, with its traceback if *debug*; the exit status for it."""
    if debug:
        traceback.print_exception(error)
    found = sole(error)
    if not debug:
        click.echo(paragraph(found), err=True)
    return exit_status(found)


def debug_by_default() -> bool:
    """True if the environment asks for tracebacks."""
    return os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}
