"""``lionherd-dist health``: an exit status for whoever restarts containers."""

import socket

import anyio
import click

from lionherd_dist.cli import options
from lionherd_dist.cli.asking import Asker, ask
from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store.health import answers, live_workers_at


class NotHealthyError(StoreUnavailableError):
    """The server answers, and what was asked for is not there; the message says what."""


@click.command()
@click.option("--worker", is_flag=True, help="A worker of this host must be registered, and live.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the answer may take.",
)
@options.redis
@options.namespace
@options.debug
def health(*, worker: bool, timeout: float, redis: str | None, namespace: str) -> None:
    """Exit with 0 if the server answers, and with 1 if not: a container's health check.

    With --worker, a worker process on this host (in this container) must have a session that has
    not expired, too. It asks two or three small questions and disturbs nothing.

    \b
    Examples:
      lionherd-dist health
      lionherd-dist health --worker --timeout 2
    """  # noqa: D301 (\b keeps click from filling a block)
    host = socket.gethostname()

    async def look(asker: Asker) -> int:
        with anyio.fail_after(timeout):
            if not await answers(asker.connection):
                raise NotHealthyError(f"{asker.connection.address} answers, but not as a server")
            if not worker:
                return 0
            return await live_workers_at(asker.connection, asker.keys, host)

    try:
        count = ask(redis, namespace, look)
    except TimeoutError:
        raise NotHealthyError(f"the server did not answer in {timeout:g} s") from None
    if worker and not count:
        raise NotHealthyError(
            f"no worker of {host} is registered and live in namespace {namespace}: it is starting, "
            "has lost its session, or is not running"
        )
    click.echo(f"healthy: {count} live on {host}" if worker else "healthy")
