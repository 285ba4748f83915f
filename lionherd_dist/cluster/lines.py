"""A client's connections: one for each thing that waits on the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lionherd_dist.address import Address
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading kept outcomes needs; its *name* is ``session/which of its readers``."""

    connection: Connection
    keys: Keys
    name: str


@asynccontextmanager
async def connection(address: Address, namespace: str, use: str) -> AsyncIterator[Connection]:
    """A connection for *use*, closed when the block is left."""
    opened = Connection(address, name=f"lionherd-{use}", namespace=namespace)
    try:
        yield opened
    finally:
        await opened.close()
