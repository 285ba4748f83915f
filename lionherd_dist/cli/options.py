"""Options that several commands share."""

from dataclasses import dataclass

import click

from lionherd_dist.settings import REDIS_URL_VARIABLE


@dataclass(slots=True)
class Switches:
    """What holds for the whole program; lives in click's context."""

    debug: bool = False


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    switches = context.find_object(Switches)
    if value and switches is not None:
        switches.debug = True


debug = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_set_debug,
    help="Show the traceback of an error. LIONHERD_DEBUG=1 does the same.",
)
redis = click.option(
    "--redis",
    metavar="URL",
    envvar=REDIS_URL_VARIABLE,
    help="The server: redis://, rediss:// or unix://. A password belongs into the variable "
    f"{REDIS_URL_VARIABLE} instead, which the list of processes does not show.",
)
namespace = click.option(
    "--namespace",
    default="default",
    show_default=True,
    help="What separates independent clusters on one server.",
)
