"""Which node to connect to: asked of sentinels or of a cluster, anew for each connection. Pure.

A search is a generator: it yields questions, is sent each answer, or the error there was instead,
and returns the node. So the event loop and the heartbeat's thread carry out the same one.

Those that can be asked take turns: the next search begins behind the one whose word was last acted
upon. So one that is down, or behind the times, costs a try and not every try.
"""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from redis.crc import key_slot

from lionherd_dist.address import Address, Login, Node
from lionherd_dist.errors import LionherdError, StoreRefusedError, StoreUnavailableError
from lionherd_dist.store.keys import Keys

ASK_S = 1.0  # how long one that may be down is waited for, while others could be asked


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask *node*, on a connection that *address* says how to open."""

    address: Address
    node: Node
    command: tuple[str, ...]


Search: TypeAlias = Generator[Question, object, Node | None]


class Finder:
    """Searches for the server at *address* that holds *namespace*; one for each connection.

    Raises:
        ValueError: a cluster has no such server without a namespace.
    """

    def __init__(self, address: Address, namespace: str | None) -> None:
        self._address, self._turns = address, deque(address.nodes)
        self._slot = -1
        if address.kind == "cluster":
            if namespace is None:
                raise ValueError(f"{address}: a connection to a cluster is one to a namespace")
            self._slot = key_slot(Keys(namespace).prefix.encode())

    def search(self) -> Search:
        """Find the node; None for the address's socket.

        Raises:
            StoreUnavailableError: nobody knows it now.
            StoreRefusedError: nobody will say, or nobody ever heard of that master.
        """
        if self._address.kind == "socket":
            return None
        if self._address.kind == "server":
            return self._address.nodes[0]
        reasons: list[LionherdError] = []
        for _ in range(len(self._turns)):
            asked = self._turns[0]
            self._turns.rotate(-1)
            if self._address.kind == "sentinel":
                found = yield from self._master(asked)
            else:
                found = yield from self._owner(asked)
            if isinstance(found, Node):
                return found
            reasons.append(found)
        raise _verdict(self._address, reasons)

    def _master(self, sentinel: Node) -> Generator[Question, object, Node | LionherdError]:
        """The master by the word of *sentinel*, which may want a login, or not know what one is."""
        name = self._address.master
        stranger = replace(self._address, login=Login(), database=0)
        command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
        answer = yield Question(stranger, sentinel, command)
        if isinstance(answer, StoreRefusedError) and self._address.login:
            answer = yield Question(replace(self._address, database=0), sentinel, command)
        match answer:
            case [bytes(host), bytes(port)]:
                return Node(host.decode(), int(port))
            case LionherdError():
                return answer
        return StoreRefusedError(f"{sentinel} knows no master named {name!r}")

    def _owner(self, member: Node) -> Generator[Question, object, Node | LionherdError]:
        """The node that owns the slot by the word of *member*, whose neighbours are remembered."""
        answer = yield Question(self._address, member, ("CLUSTER", "SLOTS"))
        if isinstance(answer, LionherdError):
            return answer
        owners, neighbours = _read_slots(answer, self._slot, member)
        self._remember(neighbours)
        if not owners:
            return StoreUnavailableError(f"{member} knows no owner of slot {self._slot}")
        return owners[0]

    def _remember(self, neighbours: Sequence[Node]) -> None:
        """Ask them, too, next time: the nodes of the URL may all have been replaced by then."""
        known = dict.fromkeys([*self._turns, *neighbours])
        real = {*self._address.nodes, *neighbours}
        self._turns = deque(one for one in known if one in real)


def owners(answer: object, asked: Node) -> list[Node]:
    """The masters that have slots by the reply of *asked* to CLUSTER SLOTS, each once."""
    ranges = answer if isinstance(answer, list) else []
    found = [_node(one[2], asked) for one in ranges if isinstance(one, list) and len(one) > 2]
    return list(dict.fromkeys(found))


def _read_slots(answer: object, slot: int, asked: Node) -> tuple[list[Node], list[Node]]:
    """Who holds *slot*, its owner first, and all nodes there are, by a reply to CLUSTER SLOTS.

    A range is [first, last, owner, replica, …], a node [host, port, id, …]. A host that the cluster
    does not know is empty or nil, and then the one that was *asked*.
    """
    holders: list[Node] = []
    everyone: list[Node] = []
    for one in answer if isinstance(answer, list) else ():
        match one:
            case [int(first), int(last), *members]:
                nodes = [_node(member, asked) for member in members]
                everyone += nodes
                if first <= slot <= last:
                    holders = nodes
    return holders, everyone


def _node(member: object, asked: Node) -> Node:
    match member:
        case [bytes(host), int(port), *_] if host:
            return Node(host.decode(), port)
        case [_, int(port), *_]:
            return Node(asked.host, port)
    return asked


def _verdict(address: Address, reasons: Sequence[LionherdError]) -> LionherdError:
    """What to say when nobody named a node: asking again helps unless all refused."""
    said = "; ".join(dict.fromkeys(map(str, reasons)))
    if all(isinstance(reason, StoreRefusedError) for reason in reasons):
        return StoreRefusedError(f"{address} cannot be found: {said}")
    return StoreUnavailableError(f"{address} cannot be found now: {said}")
