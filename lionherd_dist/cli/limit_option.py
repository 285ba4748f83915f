"""``--limit N`` and ``--limiter NAME:N``: a limit of this run's own, or one shared with others."""

from dataclasses import dataclass
from typing import TypeAlias

import click

from lionherd_dist.cli.decorators import OptionDecorator
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.cluster.limit import Limit
from lionherd_dist.limiter.shared import MOST_TOKENS


@dataclass(frozen=True, slots=True)
class NamedLimiter:
    """The limiter *name*, with *total* tokens if it is new."""

    name: str
    total: int


LimitAsked: TypeAlias = int | NamedLimiter | None


def _parsed(_: click.Context, __: click.Parameter, text: str | None) -> NamedLimiter | None:
    if text is None:
        return None
    name, _colon, total = text.rpartition(":")
    if not name or not total.isascii() or not total.isdigit() or not 1 <= int(total) <= MOST_TOKENS:
        raise click.BadParameter(f"{text!r}: give NAME:N, for example api:50")
    return NamedLimiter(name, int(total))


limiter: OptionDecorator = click.option(
    "--limiter",
    metavar="NAME:N",
    callback=_parsed,
    help="Share the limiter NAME, of N tokens if it is new, with every other process that uses it; "
    "see lionherd-dist limits.",
)


def limit_on(cluster: Cluster, asked: LimitAsked) -> Limit:
    """What was asked for, on *cluster*."""
    if isinstance(asked, NamedLimiter):
        return cluster.capacity_limiter(asked.name, asked.total)
    return asked
