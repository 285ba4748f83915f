"""``lionherd-dist scripts load``: gives the server the scripts that others may not load."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import anyio
import click

from lionherd_dist.address import Address
from lionherd_dist.cli import options
from lionherd_dist.cli.asking import as_json, say_json
from lionherd_dist.environment import redis_address
from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.printable import printable
from lionherd_dist.store.loading import Loaded, load_scripts
from lionherd_dist.store.scripts import ALL


@click.group()
def scripts() -> None:
    """Load this release's scripts, for workers and clients that may not.

    \b
    Examples:
      lionherd-dist scripts load
      lionherd-dist scripts load --watch    # again whenever the server has forgotten them
    """  # noqa: D301 (\b keeps click from filling a block)


@scripts.command("load")
@options.redis
@click.option("--watch", is_flag=True, help="Keep them loaded, until Ctrl-C.")
@click.option(
    "--every",
    type=click.FloatRange(0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often --watch looks.",
)
@click.option(
    "--alive-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --watch: touch it whenever the server has them all, for a health check.",
)
@as_json
@options.debug
def load(
    redis: str | None, *, watch: bool, every: float, alive_file: Path | None, as_json: bool
) -> None:
    """Load all scripts of this release on the server, or on every master of a cluster.

    For an operator whose user may SCRIPT LOAD and SCRIPT EXISTS; workers and clients then need
    neither. A server that was restarted has forgotten them, and a replica that has become the
    master never had them: load them again, or have --watch do it. Scripts that are there are no
    trouble, nor are those of other releases.

    \b
    Examples:
      lionherd-dist scripts load --redis redis://host:6379/0
      lionherd-dist scripts load --redis redis+sentinel://host:26379/master --watch
    """  # noqa: D301 (\b keeps click from filling a block)
    address = redis_address(redis)
    try:
        if watch:
            anyio.run(_keep_loaded, address, every, alive_file, as_json)
        else:
            _say(anyio.run(load_scripts, address, ALL), as_json=as_json)
    except KeyboardInterrupt:  # how --watch is left
        if not watch:
            raise


async def _keep_loaded(
    address: Address, every_s: float, alive_file: Path | None, as_json: bool
) -> None:
    """Load what is missing, until cancelled; say what was loaded, and each trouble once."""
    trouble = ""
    is_first = True
    while True:
        try:
            found = await load_scripts(address, ALL)
        except StoreUnavailableError as error:
            if is_first:  # whoever mistyped the address hears of it
                raise
            if not trouble:
                click.echo(printable(f"{error}; it is tried again"), err=True)
            trouble = str(error)
        else:
            if is_first or trouble or any(one.new for one in found):
                _say(found, as_json=as_json)
            trouble, is_first = "", False
            if alive_file is not None:
                alive_file.touch()  # noqa: ASYNC240 (short)
        await anyio.sleep(every_s)


def _say(found: Sequence[Loaded], *, as_json: bool) -> None:
    if as_json:
        say_json({"servers": [asdict(one) for one in found]})
    else:
        for one in found:
            new = "none of them was missing" if not one.new else f"{one.new} of them were missing"
            click.echo(f"{one.address} has all {one.scripts} scripts; {new}")
    sys.stdout.flush()
