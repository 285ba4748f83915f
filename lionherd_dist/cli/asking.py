"""What the operator's commands have in common: a question to the server, without a session."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import click

from lionherd_dist.address import Address
from lionherd_dist.cli.decorators import OptionDecorator
from lionherd_dist.environment import redis_address
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

T = TypeVar("T")

as_json: OptionDecorator = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object instead, for other programs."
)


@dataclass(frozen=True, slots=True)
class Asker:
    """A connection to the server, and the names of the namespace that is asked about."""

    connection: Connection
    keys: Keys
    namespace: str


def ask(redis: str | None, namespace: str, question: Callable[[Asker], Awaitable[T]]) -> T:
    """The answer to *question*, which gets a connection of its own.

    Raises:
        StoreUnavailableError, StoreRefusedError: there is none, and it is not asked for again:
            whoever runs a command would rather hear of it at once.
    """
    address = redis_address(redis)
    return anyio.run(lambda: answer(address, namespace, question))


async def answer(address: Address, namespace: str, question: Callable[[Asker], Awaitable[T]]) -> T:
    """The answer to *question* of the server at *address*; as ``ask`` has it."""
    keys = Keys(namespace)
    connection = Connection(address, name="lionherd-cli", namespace=namespace)
    try:
        return await question(Asker(connection, keys, namespace))
    finally:
        await connection.close()


def say_json(value: object) -> None:
    """Print *value* as one line of JSON; all but ASCII is escaped."""
    click.echo(json.dumps(value))
