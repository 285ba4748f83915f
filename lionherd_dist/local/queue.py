"""``Queue``: first in, first out, with an end to put into and an end to take from."""

import math
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import anyio
import anyio.lowlevel
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from lionherd_dist.arguments import whole_number

T = TypeVar("T")

_A_SIZE = "give how many items it may hold, a whole number from 0 up, or math.inf"


@dataclass(slots=True)
class Queue(Generic[T]):
    """A first-in-first-out queue; make one with ``with_maxsize`` and close it when done.

    Once closed, putting and taking raise ``anyio.ClosedResourceError``.
    """

    _send: MemoryObjectSendStream[T]
    _recv: MemoryObjectReceiveStream[T]

    @classmethod
    def with_maxsize(cls, maxsize: float) -> Self:
        """A queue that holds *maxsize* items; with 0, putting waits until the item is taken."""
        if maxsize != math.inf:
            maxsize = whole_number("maxsize", maxsize, least=0, instead=_A_SIZE)
        send, recv = anyio.create_memory_object_stream[T](maxsize)
        return cls(send, recv)

    async def put(self, item: T) -> None:
        """Wait for room and put *item* in."""
        await self._send.send(item)

    def put_nowait(self, item: T) -> None:
        """Put *item* in, or raise ``anyio.WouldBlock`` if there is no room."""
        self._send.send_nowait(item)

    async def get(self) -> T:
        """Wait for an item and take it."""
        return await self._recv.receive()

    def get_nowait(self) -> T:
        """Take an item, or raise ``anyio.WouldBlock`` if there is none."""
        return self._recv.receive_nowait()

    async def close(self) -> None:
        """Close both ends, also where the caller is being cancelled."""
        self._send.close()
        self._recv.close()
        await anyio.lowlevel.checkpoint()

    @property
    def sender(self) -> MemoryObjectSendStream[T]:
        """The end to put into."""
        return self._send

    @property
    def receiver(self) -> MemoryObjectReceiveStream[T]:
        """The end to take from."""
        return self._recv

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
