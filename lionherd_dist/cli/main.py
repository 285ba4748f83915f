"""The program ``lionherd-dist``: its commands, and what becomes of their errors."""

import logging
from collections.abc import Sequence
from typing import cast

import click

import lionherd_dist
from lionherd_dist.cli import options
from lionherd_dist.cli.complaints import complain, debug_by_default
from lionherd_dist.cli.dead_command import dead
from lionherd_dist.cli.demo_command import demo
from lionherd_dist.cli.doctor_command import doctor
from lionherd_dist.cli.health_command import health
from lionherd_dist.cli.jobs_command import jobs
from lionherd_dist.cli.limits_command import limits
from lionherd_dist.cli.map_command import map_
from lionherd_dist.cli.output import OutputClosedError
from lionherd_dist.cli.own_warnings import told_in_sentences
from lionherd_dist.cli.scripts_command import scripts
from lionherd_dist.cli.status_command import status
from lionherd_dist.cli.worker_command import worker
from lionherd_dist.errors import sole

STATUS_INTERRUPTED = 130
STATUS_PIPE_CLOSED = 141  # what a shell says of a program that SIGPIPE ended


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(lionherd_dist.__version__, prog_name="lionherd-dist")
@options.debug
def cli() -> None:
    """Run functions on worker processes, over Redis or a private server.

    \b
    Put @task above a function in a module, say my_tasks.py:
      from lionherd_dist import task
      @task
      async def fetch(url: str) -> int: ...

    \b
    Call it for every line of a file, on four worker processes of its own:
      lionherd-dist map my_tasks:fetch --workers 4 --lines urls.txt > sizes.jsonl
    Or run workers anywhere, and let them do it:
      lionherd-dist worker my_tasks --redis redis://host:6379/0
      lionherd-dist map my_tasks:fetch --redis redis://host:6379/0 urls.jsonl
    See it work:
      lionherd-dist demo
    See what a server is doing, and what is wrong with it:
      lionherd-dist status --redis redis://host:6379/0 --watch
      lionherd-dist doctor --redis redis://host:6379/0
    """  # noqa: D301 (\b keeps click from filling a block)


for _command in (worker, map_, demo, status, jobs, limits, dead, doctor, health, scripts):
    cli.add_command(_command)


_NO_LOG = logging.NullHandler()  # commands say in sentences what is wrong


def run(argv: Sequence[str] | None = None) -> int:
    """Carry out *argv*, the program's own arguments unless given; the exit status."""
    logging.getLogger("lionherd_dist").addHandler(
        _NO_LOG
    )  # commands say in sentences what is wrong
    switches = options.Switches(debug=debug_by_default())
    arguments = None if argv is None else list(argv)
    try:
        with told_in_sentences(lambda: not switches.runs_tasks):
            status = cli.main(
                arguments, prog_name="lionherd-dist", standalone_mode=False, obj=switches
            )
    except click.Abort:  # Ctrl-C where there is nothing to stop yet
        return STATUS_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Exception as error:  # noqa: BLE001 (the border: told to people from here on)
        if isinstance(sole(error), OutputClosedError):
            return STATUS_PIPE_CLOSED
        return complain(error, debug=switches.debug)
    return cast("int | None", status) or 0
