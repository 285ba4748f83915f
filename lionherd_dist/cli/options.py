"""Options that several commands share."""

from dataclasses import dataclass

import click

from lionherd_dist.cli.decorators import OptionDecorator
from lionherd_dist.cli.progress import say_on_stderr
from lionherd_dist.environment import FILE_SUFFIX, URL_VARIABLE
from lionherd_dist.url import parse


@dataclass(slots=True)
class Switches:
    """What holds for the whole program; lives in click's context.

    Attributes:
        debug: errors are shown with their tracebacks.
        runs_tasks: tasks of the user run in this process, and warnings show where they come from.
    """

    debug: bool = False
    runs_tasks: bool = False


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    switches = context.find_object(Switches)
    if value and switches is not None:
        switches.debug = True


def _warn_of_login(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    """Arguments are public: say so where they hold a password, and go on."""
    if url and parse(url).login:
        say_on_stderr(
            "Warning: whoever can list this machine's processes can read the login in --redis. Set "
            f"{URL_VARIABLE} instead, or {URL_VARIABLE}{FILE_SUFFIX} to a file with the URL."
        )
    return url


debug: OptionDecorator = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_set_debug,
    help="Show the traceback of an error. LIONHERD_DEBUG=1 does the same.",
)
tracebacks: OptionDecorator = click.option(
    "--traceback",
    "tracebacks",
    is_flag=True,
    help="Write a failure with the traceback on its worker.",
)
redis: OptionDecorator = click.option(
    "--redis",
    metavar="URL",
    callback=_warn_of_login,
    help="The server: redis://, rediss:// (TLS), unix://, redis+sentinel:// or redis+cluster://; "
    f"{URL_VARIABLE} unless given. A login belongs into that variable, or into the file that "
    f"{URL_VARIABLE}{FILE_SUFFIX} names: the list of processes shows neither.",
)
namespace: OptionDecorator = click.option(
    "--namespace",
    default="default",
    show_default=True,
    help="What separates independent clusters on one server.",
)
