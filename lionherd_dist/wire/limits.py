"""How much a message may hold, checked on its bytes, by the same rule on both ends."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

from lionherd_dist.wire.packer import FOREIGN_TIME, unpack

_SMALLEST = 4096  # bytes: a failure must always fit, or a call that failed could not be finished


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may hold at most.

    Args:
        max_bytes: its size, packed; at least 4096.
        max_items: all items of all lists, tuples, sets and dataclasses in it, and keys and values
            of all dicts, together.
        max_depth: containers inside each other, the message's own two included.
    """

    max_bytes: int = 1 << 20
    max_items: int = 100_000
    max_depth: int = 64

    def __post_init__(self) -> None:
        if self.max_bytes < _SMALLEST or self.max_items < 16 or not 8 <= self.max_depth <= 256:
            raise ValueError(
                f"{self!r}: give max_bytes of at least {_SMALLEST}, max_items of at least 16, and "
                "max_depth from 8 to 256"
            )


DEFAULT_LIMITS = Limits()


class OutOfBoundsError(Exception):
    """Bytes break a limit. Stays inside ``wire``, where it becomes an error of the package."""


# The first bytes of arrays and maps: fixmap and fixarray, array 16/32 and map 16/32.
_NOT_CONTAINERS = bytes(b for b in range(256) if not (0x80 <= b <= 0x9F or 0xDC <= b <= 0xDF))


def check(payload: bytes, limits: Limits) -> None:
    """Return if *payload* is within *limits*.

    Most payloads are cleared without being read: what has few bytes has few items, and what has
    few bytes that could begin a container is not deep. Only the rest is unpacked, into plain
    lists and nothing else, and counted level by level.

    Raises:
        OutOfBoundsError: it is not; the text says what was too much.
        Exception: of any class that msgpack raises for bytes that are not msgpack; TypeError for
            msgpack's own timestamp.
    """
    size = len(payload)
    if size > limits.max_bytes:
        raise OutOfBoundsError(f"{size} bytes, and {limits.max_bytes} are allowed")
    may_be_deep = size > limits.max_depth and (
        len(payload.translate(None, _NOT_CONTAINERS)) > limits.max_depth
    )
    # 0xff is the code of the timestamp extension, which must be looked for; rare outside numbers.
    if may_be_deep or size > limits.max_items or 0xFF in payload:
        _count(payload, limits)


def _count(payload: bytes, limits: Limits) -> None:
    raw = unpack(
        payload,
        max_items=limits.max_items,
        extensions=lambda code, data: None,  # noqa: ARG005 (not looked into)
        pairs=lambda pairs: list(chain.from_iterable(pairs)),  # keys may nest as well as values
    )
    depth = items = 0
    level: list[list[Any]] = [[raw]]
    while level:
        if any(FOREIGN_TIME in set(map(type, container)) for container in level):
            raise TypeError("the timestamp of msgpack, which is none of our types")
        level = [item for container in level for item in container if type(item) is list]
        depth += 1
        items += sum(map(len, level))
        if depth > limits.max_depth and level:
            raise OutOfBoundsError(f"nested deeper than the {limits.max_depth} allowed")
        if items > limits.max_items:
            raise OutOfBoundsError(f"more than the {limits.max_items} items allowed")
