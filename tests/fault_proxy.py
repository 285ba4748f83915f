"""A proxy between a test and its server that misbehaves when it is told to.

Requests and replies are cut out of the byte streams, so that a fault hits exactly the request that
was meant; everything else passes unchanged and at once, pipelines included.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote, urlsplit

import anyio


class Fault(Enum):
    """What becomes of one request; the connection is cut in both cases."""

    LOSE_REQUEST = auto()  # the server never hears of it
    LOSE_REPLY = auto()  # it is carried out, and nobody is told


class _Blow:
    """A fault that waits for its request."""

    def __init__(self, fault: Fault, nth: int, words: tuple[bytes, ...]) -> None:
        self.fault, self._left, self._words = fault, nth, words
        self.struck = asyncio.Event()

    def falls_on(self, request: list[bytes]) -> bool:
        """True for the one request it was meant for."""
        meant = all(word in request for word in self._words) if self._words else True
        if self.struck.is_set() or not meant:
            return False
        self._left -= 1
        if self._left == 0:
            self.struck.set()
        return self._left == 0


class FaultProxy:
    """Steered by its methods while requests pass; made by ``fault_proxy``.

    Attributes:
        url: what to connect to instead of the server.
        requests: how many requests have come so far, without the handshakes of connections.
        reply_delay_s: how long each reply is held back.
        answer: what every request is answered with instead of being passed on; None for nothing.
        budgets: how many bytes each new connection may carry before it is cut; None for any.
    """

    def __init__(self, server: str, socket: str) -> None:
        self._server, self._socket = server, socket
        self.url = f"unix://{quote(socket)}"
        self.requests = 0
        self.reply_delay_s = 0.0
        self.answer: bytes | None = None
        self.budgets: Iterator[int] | None = None
        self._blows: list[_Blow] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[_Connection] = set()
        self._listener: asyncio.Server | None = None
        self._group = asyncio.TaskGroup()

    def strike(self, fault: Fault, *words: bytes, nth: int = 1) -> asyncio.Event:
        """Let *fault* hit the *nth* request from now that has all *words*; set when it has."""
        blow = _Blow(fault, nth, words)
        self._blows.append(blow)
        return blow.struck

    def cut_all(self) -> int:
        """Cut every connection there is; how many that were."""
        connections = list(self._open)
        for connection in connections:
            connection.cut()
        return len(connections)

    def freeze(self) -> None:
        """Pass nothing on in either direction; connections stay open, and new ones are accepted."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on what was held back, and all that follows."""
        self._flowing.set()

    def refuse(self) -> None:
        """Cut every connection and let no new one in."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        Path(self._socket).unlink(missing_ok=True)
        self.cut_all()

    async def admit(self) -> None:
        """Let connections in."""
        self._listener = await asyncio.start_unix_server(self._accept, self._socket)

    # --- inside

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        async with self._group:
            await self.admit()
            try:
                yield
            finally:
                self.refuse()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._group.create_task(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await _open(self._server)
        except OSError:  # the server is not there: neither are we
            await _abort(writer)
            return
        budget = next(self.budgets) if self.budgets is not None else None
        connection = _Connection(self, (reader, writer), upstream, budget)
        self._open.add(connection)
        try:
            await connection.carry()
        finally:
            self._open.discard(connection)
            await _abort(writer)
            await _abort(upstream[1])

    async def flowing(self) -> None:
        """Wait while nothing is to be passed on."""
        await self._flowing.wait()

    def fate_of(self, request: list[bytes]) -> Fault | bytes | None:
        """What becomes of *request*: a fault, an answer of our own, or nothing unusual.

        The handshake of a connection, which a server answers in any state, is left alone.
        """
        if request[0] == b"CLIENT":
            return None
        self.requests += 1
        faults = [blow.fault for blow in self._blows if blow.falls_on(request)]
        return faults[0] if faults else self.answer


class _Connection:
    """One client's connection and the one to the server that belongs to it."""

    def __init__(
        self,
        proxy: FaultProxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        budget: int | None,
    ) -> None:
        self._proxy, self._budget = proxy, budget
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._due: asyncio.Queue[Fault | bytes | None] = asyncio.Queue()  # a fate for each reply
        self._life = anyio.CancelScope()

    def cut(self) -> None:
        self._life.cancel()

    async def carry(self) -> None:
        """Pass requests and replies on until either side ends or the connection is cut."""
        with self._life:
            async with anyio.create_task_group() as pumps:
                pumps.start_soon(self._until_the_end, self._requests)
                pumps.start_soon(self._until_the_end, self._replies)

    async def _until_the_end(self, pump: Callable[[], Awaitable[None]]) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await pump()
        self.cut()

    async def _requests(self) -> None:
        while True:
            raw, words = await _request(self._from_client)
            await self._proxy.flowing()
            fate = self._proxy.fate_of(words)
            if fate is Fault.LOSE_REQUEST:
                return
            if not isinstance(fate, bytes):
                await self._pass(raw, self._to_server)
            self._due.put_nowait(fate)

    async def _replies(self) -> None:
        while True:
            fate = await self._due.get()
            reply = fate if isinstance(fate, bytes) else await _reply(self._from_server)
            if self._proxy.reply_delay_s:
                await anyio.sleep(self._proxy.reply_delay_s)
            await self._proxy.flowing()
            if fate is Fault.LOSE_REPLY:
                return
            await self._pass(reply, self._to_client)

    async def _pass(self, raw: bytes, to: asyncio.StreamWriter) -> None:
        if self._budget is not None:
            raw, over = raw[: self._budget], len(raw) > self._budget
            self._budget -= len(raw)
            if over:
                to.write(raw)
                raise ConnectionResetError("the budget of this connection is spent")
        to.write(raw)
        await to.drain()


async def _request(reader: asyncio.StreamReader) -> tuple[bytes, list[bytes]]:
    """One request, raw and as its words."""
    raw = [await reader.readuntil(b"\r\n")]
    words: list[bytes] = []
    for _ in range(int(raw[0][1:])):
        length = await reader.readuntil(b"\r\n")
        body = await reader.readexactly(int(length[1:]) + 2)
        raw += (length, body)
        words.append(body[:-2])
    return b"".join(raw), words


async def _reply(reader: asyncio.StreamReader) -> bytes:
    """One reply, raw, with everything that is nested in it."""
    raw, left = [], 1
    while left:
        line = await reader.readuntil(b"\r\n")
        raw.append(line)
        left -= 1
        if line[:1] == b"$" and line[1:2] != b"-":
            raw.append(await reader.readexactly(int(line[1:]) + 2))
        elif line[:1] == b"*":
            left += max(0, int(line[1:]))
    return b"".join(raw)


async def _open(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return await asyncio.open_unix_connection(unquote(parts.path))
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def fault_proxy(url: str) -> AsyncIterator[FaultProxy]:
    """A proxy in front of the server at *url*; gone when the block is left."""
    with TemporaryDirectory(prefix="lh-") as directory:
        proxy = FaultProxy(url, f"{directory}/p")
        async with proxy._running():
            yield proxy
