"""A link's life: for as long as a block, or beside something else that goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from lionherd_dist.address import Address
from lionherd_dist.cluster.link import Link
from lionherd_dist.local.background import background
from lionherd_dist.settings import Settings
from lionherd_dist.telemetry import Recorder
from lionherd_dist.tracing import Tracer


@asynccontextmanager
async def living(link: Link) -> AsyncIterator[None]:
    """Have *link* keep a session until the block is left; its last cancellations still go out."""
    life = anyio.CancelScope(shield=True)
    async with background() as group:
        group.start_soon(link.live, life)
        try:
            yield
        finally:
            life.cancel()
            link.end()


@asynccontextmanager
async def open_link(
    address: Address, settings: Settings, recorder: Recorder, tracer: Tracer | None
) -> AsyncIterator[Link]:
    """A link for this process, until the block is left.

    Raises:
        StoreUnavailableError: the server was silent for ``patience_s``, 5 seconds at most.
        StoreRefusedError: it will not have us.
    """
    link = Link(address, settings, recorder, tracer)
    async with living(link):
        await link.ready()
        yield link


async def live_beside(link: Link) -> None:
    """Keep a session for *link* until this is cancelled."""
    async with living(link):
        await anyio.sleep_forever()
