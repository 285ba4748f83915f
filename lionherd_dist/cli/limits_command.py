"""``lionherd-dist limits``: list limiters, look into one, change its total, take tokens away."""

import difflib
import sys
from dataclasses import asdict
from typing import cast

import click

from lionherd_dist.cli import options
from lionherd_dist.cli.asking import Asker, as_json, ask, say_json
from lionherd_dist.cli.complaints import NotThereError
from lionherd_dist.cli.limits_view import limiter_object, limiters_sheet, users_sheet
from lionherd_dist.cli.sheets import show
from lionherd_dist.limiter.shared import MOST_TOKENS, check_name
from lionherd_dist.settings import Settings
from lionherd_dist.store.limit_rows import (
    LimiterRow,
    UserRow,
    limiter_row,
    limiter_rows,
    user_rows,
)
from lionherd_dist.store.limits import leave_request, resize
from lionherd_dist.store.places import shown_place
from lionherd_dist.store.reading import server_ms
from lionherd_dist.store.tolerant import read_one


@click.group()
def limits() -> None:
    """List limiters, look into one, change its total at run time.

    \b
    Examples:
      lionherd-dist limits ls
      lionherd-dist limits show api
      lionherd-dist limits set api 20
      lionherd-dist limits set api 0        # a pause: nothing is lent until it is set again
    """  # noqa: D301 (\b keeps click from filling a block)


@limits.command("ls")
@options.redis
@options.namespace
@as_json
@options.debug
def ls(redis: str | None, namespace: str, *, as_json: bool) -> None:
    """List the limiters that are in use, or were given a total at run time.

    \b
    Example:
      lionherd-dist limits ls --json
    """  # noqa: D301 (\b keeps click from filling a block)

    async def look(asker: Asker) -> list[LimiterRow]:
        now_ms = await server_ms(asker.connection)
        return await limiter_rows(asker.connection, asker.keys, now_ms=now_ms)

    rows = ask(redis, namespace, look)
    if as_json:
        say_json({"namespace": namespace, "limiters": [limiter_object(row) for row in rows]})
    else:
        show([limiters_sheet(rows)])


@limits.command("show")
@click.argument("name")
@options.redis
@options.namespace
@as_json
@options.debug
def show_(name: str, redis: str | None, namespace: str, *, as_json: bool) -> None:
    """Show one limiter, and which processes and jobs hold its tokens or wait for them.

    \b
    Example:
      lionherd-dist limits show api
    """  # noqa: D301 (\b keeps click from filling a block)

    async def look(asker: Asker) -> tuple[LimiterRow | None, list[UserRow], dict[str, str]]:
        connection, keys = asker.connection, asker.keys
        row = await limiter_row(connection, keys, name, now_ms=await server_ms(connection))
        users = await user_rows(connection, keys, name)
        sessions = [user.owner for user in users if "-" not in user.owner]
        if not sessions:
            return row, users, {}
        reply = await read_one(connection, "HMGET", keys.places, *sessions)
        places = map(shown_place, cast("list[bytes | None]", reply))
        return row, users, dict(zip(sessions, places, strict=True))

    row, users, places = ask(redis, namespace, look)
    if row is None:
        raise _missing(name, namespace)
    if as_json:
        listed = [{**asdict(user), "place": places.get(user.owner, "")} for user in users]
        say_json({**limiter_object(row), "namespace": namespace, "listed": listed})
    else:
        show([limiters_sheet([row]), users_sheet(users, places)])


@limits.command("set")
@click.argument("name")
@click.argument("total", type=click.IntRange(0, MOST_TOKENS))
@options.redis
@options.namespace
@click.option("--create", is_flag=True, help="Make the limiter if nothing uses one of that name.")
@options.debug
def set_(name: str, total: int, redis: str | None, namespace: str, *, create: bool) -> None:
    """Give a limiter another total, for everybody, at once; 0 is a pause.

    Fewer than are held takes nothing from anybody: nothing is lent until enough came back. The
    number rules over what programs ask for. A limiter that nothing uses yet is made with --create;
    without, a terminal is asked, and anything else ends with status 1.

    \b
    Examples:
      lionherd-dist limits set api 20
      lionherd-dist limits set nightly 5 --create
    """  # noqa: D301 (\b keeps click from filling a block)
    check_name(name)
    session_ms = Settings(namespace=namespace).session_ms

    async def names(asker: Asker) -> list[str]:
        now_ms = await server_ms(asker.connection)
        if await limiter_row(asker.connection, asker.keys, name, now_ms=now_ms) is not None:
            return [name]
        rows = await limiter_rows(asker.connection, asker.keys, now_ms=now_ms)
        return [row.name for row in rows]

    if not create:
        _check_known(name, ask(redis, namespace, names), namespace)
    before = ask(
        redis,
        namespace,
        lambda a: resize(a.connection, a.keys, name, total, quarantine_ms=session_ms),
    )
    was = "it is new" if before is None else f"it had {before:,}"
    click.echo(f"limiter {name} has {total:,} tokens; {was}")


def _check_known(name: str, names: list[str], namespace: str) -> None:
    """Return if the limiter *name* is there, or is to be made: a slip would make another one."""
    if name in names:
        return
    near = difflib.get_close_matches(name, names)
    others = f"; did you mean {' or '.join(near)}?" if near else ""
    problem = f"there is no limiter {name!r} in namespace {namespace}{others}"
    if not sys.stdin.isatty():
        raise NotThereError(f"{problem}. To make it, give --create")
    click.confirm(f"{problem[0].upper()}{problem[1:]} Make it?", abort=True, err=True)


@limits.command("evict")
@click.argument("name")
@click.argument("owner", metavar="SESSION|JOB")
@options.redis
@options.namespace
@options.debug
def evict(name: str, owner: str, redis: str | None, namespace: str) -> None:
    """Take its tokens, and its places in the queue, from a session or a job, and lend them on.

    For a process that hangs and still renews its session. If it works, it and whoever gets the
    token use it at once for up to a third of a session; then its blocks end in LeaseLost.

    \b
    Example:
      lionherd-dist limits evict api 5f3a9c01b2d4
    """  # noqa: D301 (\b keeps click from filling a block)

    async def take(asker: Asker) -> UserRow | None:
        users = await user_rows(asker.connection, asker.keys, name)
        found = next((user for user in users if user.owner == owner), None)
        if found is not None:
            await asker.connection.run(*leave_request(asker.keys, owner, name))
        return found

    found = ask(redis, namespace, take)
    if found is None:
        raise NotThereError(
            f"{owner} neither holds nor waits for a token of {name} in namespace {namespace}: see "
            f"lionherd-dist limits show {name}"
        )
    tokens = "1 token" if found.held == 1 else f"{found.held:,} tokens"
    places = "1 place" if found.waiting == 1 else f"{found.waiting:,} places"
    click.echo(f"of {owner}, {tokens} and {places} in the queue are given on")


def _missing(name: str, namespace: str) -> NotThereError:
    return NotThereError(
        f"there is no limiter {name!r} in namespace {namespace}: nobody uses one of that name; see "
        "lionherd-dist limits ls"
    )
