"""Where a server is, as a value that shows neither user nor password. Pure."""

import ipaddress
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["server", "socket", "sentinel", "cluster"]

SERVER_PORT = 6379
SENTINEL_PORT = 26379


@dataclass(frozen=True, slots=True)
class Node:
    """A server, or a sentinel, that is reached over TCP."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def here(self) -> bool:
        """True if what is sent there does not leave this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name: it may be anywhere
            return False


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """Whom to log in as; all empty for nobody. Shown nowhere: a lone user may be a password."""

    user: str = ""
    password: str = ""

    def __bool__(self) -> bool:
        return bool(self.user or self.password)

    def __repr__(self) -> str:
        return "Login(…)" if self else "Login()"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM: what is trusted besides the system's authorities, and who we are."""

    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where the server is, complete: nothing is added to it from the environment.

    Args:
        kind: one server over TCP, or at a unix socket; the master that sentinels name; the node of
            a cluster that owns the namespace's slot.
        nodes: the server; or sentinels, or nodes of the cluster, any of which can be asked.
        path: of the unix socket.
        master: what sentinels call the master.
        database: its number; 0 in a cluster.
        login: for the server; for sentinels, too, where they want one.
        tls: None for plain TCP.
        exposable: the login may cross a network unencrypted.
        answer_s: seconds that a handshake may take; the package's own unless given.

    ``str`` and ``repr`` leave the login out.
    """

    kind: Kind
    nodes: tuple[Node, ...] = ()
    path: str = ""
    master: str = ""
    database: int = 0
    login: Login = Login()
    tls: Tls | None = None
    exposable: bool = False
    answer_s: float | None = None

    @property
    def scheme(self) -> str:
        """What the URL begins with."""
        if self.kind == "socket":
            return "unix"
        transport = "redis" if self.tls is None else "rediss"
        return transport if self.kind == "server" else f"{transport}+{self.kind}"

    def __str__(self) -> str:
        if self.kind == "socket":
            return f"unix://{self.path}"
        place = ",".join(map(str, self.nodes)) + (f"/{self.master}" if self.master else "")
        return f"{self.scheme}://{place}" + (f"/{self.database}" if self.database else "")

    def __repr__(self) -> str:
        return f"<Address {self}>"

    def exposes_login(self, node: Node) -> bool:
        """True if logging in at *node* would show the login to the network between."""
        unguarded = self.tls is None and not self.exposable and not node.here
        return bool(self.login) and unguarded

    def exposure(self, node: Node) -> str:
        """What to say where the login is not sent to *node*."""
        return (
            f"the login for {self} would cross the network to {node.host} unencrypted: use "
            f"{'rediss' + self.scheme.removeprefix('redis')}:// for TLS, or, where the network is "
            "trusted, add allow_plaintext=1 to the URL's query or set "
            "LIONHERD_REDIS_ALLOW_PLAINTEXT=1"
        )
