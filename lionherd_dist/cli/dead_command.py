"""``lionherd-dist dead``: the calls that were given up, made again or dropped."""

import re

import click

from lionherd_dist.cli import options
from lionherd_dist.cli.asking import Asker, as_json, ask, say_json
from lionherd_dist.cli.complaints import STATUS_FAILED, NotThereError, UsageProblemError
from lionherd_dist.cli.decorators import OptionDecorator
from lionherd_dist.cli.letter_view import (
    Opened,
    letter_object,
    letter_sheet,
    letters_sheet,
    opened,
)
from lionherd_dist.cli.modules import import_here
from lionherd_dist.cli.reviving import revive
from lionherd_dist.cli.sheets import show
from lionherd_dist.store import letters as store
from lionherd_dist.store.reading import server_ms

_ID = re.compile(r"\d+-\d+")

module: OptionDecorator = click.option(
    "--module",
    "-m",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="Import it first: arguments of its @sendable classes cannot be read otherwise.",
)


@click.group()
def dead() -> None:
    """Look at dead letters, make their calls again, or drop them.

    A call becomes a dead letter when it can never succeed: it kills its worker each time, its
    bytes cannot be read, or no worker knows its task. Its client got the error; the letter is kept
    for a week.

    \b
    Examples:
      lionherd-dist dead ls
      lionherd-dist dead show 1790000000000-0 -m my_tasks
      lionherd-dist dead requeue 1790000000000-0
      lionherd-dist dead drop 1790000000000-0
    """  # noqa: D301 (\b keeps click from filling a block)


def _checked(ids: tuple[str, ...]) -> tuple[str, ...]:
    for id_ in ids:
        if not _ID.fullmatch(id_):
            raise UsageProblemError(
                f"{id_!r} is no id of a letter, such as 1790000000000-0: `lionherd-dist dead ls` "
                "lists them"
            )
    return ids


@dead.command("ls")
@options.redis
@options.namespace
@click.option(
    "--most",
    type=click.IntRange(1, 1_000),
    default=50,
    show_default=True,
    help="How many are listed at most, the newest first.",
)
@click.option("--before", metavar="ID", default="", help="List letters older than this one.")
@module
@as_json
@options.debug
def ls(
    redis: str | None,
    namespace: str,
    *,
    most: int,
    before: str,
    modules: tuple[str, ...],
    as_json: bool,
) -> None:
    """List dead letters, the newest first.

    \b
    Examples:
      lionherd-dist dead ls
      lionherd-dist dead ls --json | jq -r '.letters[].id' | xargs lionherd-dist dead requeue
    """  # noqa: D301 (\b keeps click from filling a block)
    _checked((before,) if before else ())
    for name in modules:
        import_here(name)

    async def look(asker: Asker) -> tuple[list[Opened], int, int]:
        found = await store.letters(asker.connection, asker.keys, most=most, before=before)
        count = await store.letter_count(asker.connection, asker.keys)
        return [opened(letter) for letter in found], count, await server_ms(asker.connection)

    found, count, now_ms = ask(redis, namespace, look)
    if as_json:
        rows = [letter_object(one) for one in found]
        say_json({"namespace": namespace, "dead_letters": count, "letters": rows})
    else:
        show([letters_sheet(found, count, now_ms)])


@dead.command("show")
@click.argument("letter", metavar="ID")
@options.redis
@options.namespace
@module
@as_json
@options.debug
def show_(
    letter: str, redis: str | None, namespace: str, *, modules: tuple[str, ...], as_json: bool
) -> None:
    """Show the dead letter ID: its task and arguments, the error, and the traceback there.

    \b
    Example:
      lionherd-dist dead show 1790000000000-0 -m my_tasks
    """  # noqa: D301 (\b keeps click from filling a block)
    _checked((letter,))
    for name in modules:
        import_here(name)

    async def look(asker: Asker) -> tuple[store.Letter | None, int]:
        found = await store.letter(asker.connection, asker.keys, letter)
        return found, await server_ms(asker.connection)

    found, now_ms = ask(redis, namespace, look)
    if found is None:
        raise NotThereError(_no_letter(letter, namespace))
    if as_json:
        say_json(letter_object(opened(found)))
    else:
        show([letter_sheet(opened(found), now_ms)])


def _no_letter(letter: str, namespace: str) -> str:
    return (
        f"there is no dead letter {letter} in namespace {namespace}: it was made again, dropped, "
        "or is kept no longer"
    )


@dead.command("requeue")
@click.argument("letters", metavar="ID...", nargs=-1, required=True)
@options.redis
@options.namespace
@options.debug
def requeue(letters: tuple[str, ...], redis: str | None, namespace: str) -> int:
    """Make the calls of letters again, each as a submitted job; print the ids of the jobs.

    The letter is gone in the same step. Attempts and deaths are counted from the start, and the old
    deadline does not hold. Its first client has its error and hears no more: read the outcome with
    `lionherd-dist jobs attach`, within a day. If it fails for good again, it is a letter again.

    \b
    Example:
      lionherd-dist jobs attach $(lionherd-dist dead requeue 1790000000000-0)
    """  # noqa: D301 (\b keeps click from filling a block)
    _checked(letters)

    async def revive_all(asker: Asker) -> list[store.Revival]:
        return [await revive(asker, one) for one in letters]

    status = 0
    for letter, became in zip(letters, ask(redis, namespace, revive_all), strict=True):
        match became:
            case store.Revival.THERE:
                click.echo(store.job_of(letter))
                continue
            case store.Revival.NO_LETTER:
                problem = _no_letter(letter, namespace)
            case store.Revival.NO_CALL:
                problem = f"letter {letter} holds no call that could be made again: drop it"
        click.echo(f"Error: {problem}", err=True)
        status = STATUS_FAILED
    return status


@dead.command("drop")
@click.argument("letters", metavar="ID...", nargs=-1, required=True)
@options.redis
@options.namespace
@options.debug
def drop(letters: tuple[str, ...], redis: str | None, namespace: str) -> int:
    """Drop letters for good. The exit status is 1 if some of them were not there.

    \b
    Example:
      lionherd-dist dead drop 1790000000000-0 1790000000000-1
    """  # noqa: D301 (\b keeps click from filling a block)
    ids = _checked(letters)
    gone = ask(redis, namespace, lambda a: store.drop(a.connection, a.keys, ids))
    others = "" if gone == len(ids) else "; the others were gone"
    click.echo(f"{gone:,} of {len(ids):,} dropped{others}")
    return 0 if gone == len(ids) else STATUS_FAILED
