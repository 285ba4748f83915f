"""redis-py's connections, opened as this package wants them: nothing retried, TLS verified.

redis-py's own retries send a request again whose reply was lost, which doubles writes; so they are
off, and this package repeats whole requests that are idempotent by id (see ``patience.py``).
"""

from asyncio import WriteTransport
from collections.abc import Callable
from typing import TypeAlias, cast

from redis import Connection as BlockingTcp
from redis import ConnectionPool as BlockingPool
from redis import SSLConnection as BlockingTls
from redis import UnixDomainSocketConnection as BlockingSocket
from redis.asyncio import Connection as AsyncTcp
from redis.asyncio import ConnectionPool as AsyncPool
from redis.asyncio import SSLConnection as AsyncTls
from redis.asyncio import UnixDomainSocketConnection as AsyncSocket
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

from lionherd_dist.address import Address, Node
from lionherd_dist.errors import StoreRefusedError

CONNECT_S = 5.0
ANSWER_S = 10.0  # longest a server may take over one request

AsyncLink: TypeAlias = AsyncTcp
BlockingLink: TypeAlias = AbstractConnection

_async_pool: Callable[..., AsyncPool] = AsyncPool  # its options differ from version to version
_blocking_pool: Callable[..., BlockingPool] = BlockingPool


def connection_options(name: str) -> dict[str, object]:
    """What every connection to a server is opened with."""
    return {
        "client_name": name,
        "protocol": 2,
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": ANSWER_S,
        "health_check_interval": 0,
    }


def async_link(address: Address, node: Node | None, name: str) -> AsyncLink:
    """A connection to *node*, or to the address's socket, that is not open yet.

    Raises:
        StoreRefusedError: the login would cross a network unencrypted.
    """
    kind = AsyncSocket if node is None else AsyncTcp if address.tls is None else AsyncTls
    options = {**connection_options(name), **_place(address, node)}
    pool = _async_pool(connection_class=kind, retry=AsyncRetry(NoBackoff(), 0), **options)
    return cast("AsyncLink", pool.make_connection())


def transport_of(link: AsyncLink) -> WriteTransport:
    """What the bytes of an open *link* go through; whoever sets its protocol reads them."""
    reader, writer = link._reader, link._writer  # noqa: SLF001 (they have no public name)
    if reader is None or reader.at_eof() or writer is None or writer.transport.is_closing():
        raise ConnectionError("it closed the connection")
    return writer.transport


def blocking_link(address: Address, node: Node | None, name: str) -> BlockingLink:
    """The same for a thread."""
    kind = BlockingSocket if node is None else BlockingTcp if address.tls is None else BlockingTls
    options = {**connection_options(name), **_place(address, node)}
    pool = _blocking_pool(connection_class=kind, retry=Retry(NoBackoff(), 0), **options)
    return cast("BlockingLink", pool.make_connection())


def _place(address: Address, node: Node | None) -> dict[str, object]:
    """Where to, as whom, and how guarded."""
    options: dict[str, object] = {"db": address.database}
    if address.login:
        options |= {"username": address.login.user or None, "password": address.login.password}
    if address.answer_s is not None:
        options["socket_timeout"] = address.answer_s
    if node is None:
        return {**options, "path": address.path}
    if address.exposes_login(node):
        raise StoreRefusedError(address.exposure(node))
    options |= {"host": node.host, "port": node.port}
    if address.tls is not None:
        options |= {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,  # not what every version of redis-py does by default
            "ssl_ca_certs": address.tls.ca_file or None,
            "ssl_certfile": address.tls.certificate_file or None,
            "ssl_keyfile": address.tls.key_file or None,
        }
    return options
