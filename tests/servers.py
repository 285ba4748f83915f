"""Real servers on ports of this machine: alone, under three sentinels, as a cluster of three."""

import random
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers import wait_until

from lionherd_dist.address import Address, Login, Node
from lionherd_dist.embedded.child import Child
from lionherd_dist.embedded.find import find_server
from lionherd_dist.errors import StoreRefusedError, StoreUnavailableError
from lionherd_dist.store.connection import Connection, Reply

HOST = "127.0.0.1"
MASTER = "lion"
DOWN_AFTER_MS = 1_000  # how long a silent master is waited for by sentinels or a cluster
SLOTS = 16_384


def free_port() -> int:
    """A port that nobody listens on, below those that systems give to outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


class Server:
    """One server program with a directory of its own, which it keeps from start to start.

    Attributes:
        node: where it listens.
    """

    def __init__(self, directory: Path, port: int, options: tuple[str, ...], login: Login) -> None:
        self._directory, self._options, self._login = directory, options, login
        self.node = Node(HOST, port)
        self._child: Child | None = None
        self._program = find_server()

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        words = ("--port", str(self.node.port), "--bind", HOST, "--dir", str(self._directory))
        if self._options[-1:] == ("--sentinel",):  # which has all of it in its file
            words = ()
        self._child = await Child.start([self._program, *self._options, *words])
        await wait_until(self._answers, description=f"{self.node} answers")

    async def _answers(self) -> bool:
        try:
            return await self.ask("PING") == b"PONG"
        except StoreUnavailableError:
            assert self._child is not None
            assert self._child.returncode is None, self._child.output
            return False
        except StoreRefusedError:  # it wants a login, which is an answer
            return True

    async def ask(self, *command: str | int) -> Reply:
        """The reply to *command*."""
        connection = Connection(Address("server", (self.node,), login=self._login), name="test")
        try:
            return await connection.call(*command)
        finally:
            await connection.close()

    async def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        if self._child is not None:
            await self._child.stop()

    def pause(self) -> None:
        """SIGSTOP: it accepts connections, and answers nothing."""
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._child is not None
        self._child.send_signal(signal.SIGCONT)


class Site:
    """Where servers are started; made by ``site``, which ends them all."""

    def __init__(self, directory: Path, stack: AsyncExitStack) -> None:
        self._directory, self._stack = directory, stack

    async def server(self, *options: str, login: Login | None = None) -> Server:
        """A server with *options*, whose administrator logs in with *login*."""
        port = free_port()
        return await self._started(port, "--save", "", *options, login=login or Login())

    async def sentinel(self, master: Server, *lines: str, login: Login | None = None) -> Server:
        """A sentinel that watches *master*; *lines* are more of its configuration."""
        port = free_port()
        file = self._directory / f"sentinel-{port}.conf"
        text = [
            f"port {port}",
            f"bind {HOST}",
            f"dir {self._directory}",
            f"sentinel monitor {MASTER} {HOST} {master.node.port} 2",
            f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {MASTER} 5000",
            *lines,
        ]
        file.write_text("\n".join(text) + "\n")
        return await self._started(port, str(file), "--sentinel", login=login or Login())

    async def program(self, *command: str) -> Child:
        """A running *command* that has said it is ready, or has ended, for want of some ability."""
        child = await Child.start(command)
        self._stack.push_async_callback(child.stop)

        def decided() -> bool:
            return child.returncode is not None or "Ready to accept" in child.output

        await wait_until(decided, description=f"{command[0]} is ready, or has ended")
        return child

    async def _started(self, port: int, *options: str, login: Login) -> Server:
        directory = self._directory / str(port)
        directory.mkdir()
        server = Server(directory, port, options, login)
        self._stack.push_async_callback(server.kill)
        await server.start()
        return server


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """A place for servers, which are gone afterwards, and their files with them."""
    with TemporaryDirectory(prefix="lh-", dir="/tmp") as directory:
        async with AsyncExitStack() as stack:
            yield Site(Path(directory), stack)


def text_of(reply: Reply) -> str:
    assert isinstance(reply, bytes)
    return reply.decode()


# --- a master and its replica, watched by three sentinels


class Watched:
    """Made by ``watched``.

    Attributes:
        url: of the master, by way of the sentinels.
        master: the server that is the master at first.
        replica: the one that is its replica then.
        sentinels: all three.
    """

    def __init__(self, master: Server, replica: Server, sentinels: list[Server]) -> None:
        self.master, self.replica, self.sentinels = master, replica, sentinels
        self.url = f"redis+sentinel://{places(sentinels)}/{MASTER}"

    async def cut_replication(self) -> None:
        """Let nothing more reach the replica, while the master goes on taking writes."""
        await self.master.ask("ACL", "SETUSER", "replica", "off")
        await self.master.ask("CLIENT", "KILL", "TYPE", "replica")


def places(servers: list[Server]) -> str:
    return ",".join(str(server.node) for server in servers)


@asynccontextmanager
async def watched(*, password: str = "", guarded: bool = False) -> AsyncIterator[Watched]:
    """Servers that are ready for a fail-over, and want *password*, the sentinels if *guarded*."""
    login = Login(password=password)
    own = ("--requirepass", password) if password else ()
    as_replica = ("--masteruser", "replica", "--masterauth", "for-the-replica")
    async with site() as here:
        servers = [await here.server(*own, *as_replica, login=login) for _ in range(2)]
        master, replica = servers
        for server in servers:  # either may be the other's master one day
            rights = ("on", ">for-the-replica", "+psync", "+replconf", "+ping")
            await server.ask("ACL", "SETUSER", "replica", *rights)
        await replica.ask("REPLICAOF", HOST, master.node.port)
        lines = [f"sentinel auth-pass {MASTER} {password}"] if password else []
        if guarded:
            lines += [f"requirepass {password}", f"sentinel sentinel-pass {password}"]
        sentinels = [
            await here.sentinel(master, *lines, login=login if guarded else None) for _ in range(3)
        ]
        found = Watched(master, replica, sentinels)

        async def follows() -> bool:
            return "master_link_status:up" in text_of(await replica.ask("INFO", "replication"))

        async def know_each_other() -> bool:
            for one in sentinels:
                others = await one.ask("SENTINEL", "SENTINELS", MASTER)
                replicas = await one.ask("SENTINEL", "REPLICAS", MASTER)
                if not (isinstance(others, list) and isinstance(replicas, list)):
                    return False
                if len(others) < 2 or not replicas:
                    return False
            return True

        await wait_until(follows, description="the replica follows its master")
        await wait_until(know_each_other, description="the sentinels know of each other")
        yield found


# --- a cluster


class Trio:
    """A cluster of three masters, made by ``trio``.

    Attributes:
        url: which names the first node only.
        nodes: each has a third of the slots.
    """

    def __init__(self, nodes: list[Server], place: Site) -> None:
        self.nodes, self._place = nodes, place
        self.url = f"redis+cluster://{nodes[0].node}"

    async def replica_of(self, owner: Server) -> Server:
        """One more node, which takes over when *owner* dies."""
        replica = await member(self._place)
        await replica.ask("CLUSTER", "MEET", HOST, *ports_of(owner))
        id_ = text_of(await owner.ask("CLUSTER", "MYID"))

        async def known() -> bool:
            return id_ in text_of(await replica.ask("CLUSTER", "NODES"))

        async def follows() -> bool:
            replication = text_of(await replica.ask("INFO", "replication"))
            return "role:slave" in replication and "master_link_status:up" in replication

        async def listed() -> bool:
            lists = [text_of(await one.ask("CLUSTER", "NODES")) for one in self.nodes]
            mine = f":{replica.node.port}@"
            return all(
                any(mine in line and id_ in line for line in text.splitlines()) for text in lists
            )

        await wait_until(known, description="the replica has met its master")
        await replica.ask("CLUSTER", "REPLICATE", id_)
        await wait_until(follows, description="the replica follows its master")
        await wait_until(listed, description="all nodes know whose replica it is")
        return replica

    async def move(self, slot: int, target: Server) -> None:
        """Give *slot*, which must be empty, to *target*."""
        id_ = text_of(await target.ask("CLUSTER", "MYID"))
        await target.ask("CLUSTER", "SETSLOT", slot, "NODE", id_)
        await target.ask("CLUSTER", "BUMPEPOCH")  # or a late word of the old owner counts for more
        for node in self.nodes:
            if node is not target:
                await node.ask("CLUSTER", "SETSLOT", slot, "NODE", id_)


def ports_of(server: Server) -> tuple[int, int]:
    """Its port, and the one on which it talks to its like."""
    return server.node.port, int(server._options[-1])


async def member(place: Site) -> Server:
    """A node of a cluster that has met nobody yet."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(DOWN_AFTER_MS))
    return await place.server(*options, "--cluster-port", str(free_port()))


@asynccontextmanager
async def trio() -> AsyncIterator[Trio]:
    """Three masters that have met, with all slots between them."""
    async with site() as place:
        nodes = [await member(place) for _ in range(3)]
        bounds = [0, SLOTS // 3, 2 * SLOTS // 3, SLOTS]
        for number, node in enumerate(nodes):
            first, last = bounds[number], bounds[number + 1] - 1
            await node.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
            await node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in nodes[1:]:
            await node.ask("CLUSTER", "MEET", HOST, *ports_of(nodes[0]))

        async def agree() -> bool:
            for node in nodes:
                ranges = await node.ask("CLUSTER", "SLOTS")
                state = text_of(await node.ask("CLUSTER", "INFO"))
                if not isinstance(ranges, list) or len(ranges) < 3 or "state:ok" not in state:
                    return False
            return True

        await wait_until(agree, description="the nodes agree on their slots")
        yield Trio(nodes, place)
