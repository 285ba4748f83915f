"""A link's life: for as long as a block, or beside something else that goes on."""

from types import TracebackType

import anyio

from lionherd_dist.cluster.link import Link
from lionherd_dist.local.background import Background


class Living:
    """Has *link* keep a session until the block is left; its last cancellations still go out."""

    def __init__(self, link: Link) -> None:
        self._link, self._life = link, anyio.CancelScope(shield=True)
        self._background = Background()

    async def __aenter__(self) -> None:
        group = await self._background.__aenter__()
        group.start_soon(self._link.live, self._life)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._life.cancel()
        self._link.end()
        await self._background.__aexit__(kind, error, trace)


async def live_beside(link: Link) -> None:
    """Keep a session for *link* until this is cancelled."""
    async with Living(link):
        await anyio.sleep_forever()
