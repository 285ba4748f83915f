"""The door to msgpack: the one file that imports it, with the options that are always on."""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgpack

Extension: TypeAlias = msgpack.ExtType  # what *rewrite* makes of a scalar: a code and bytes

# msgpack builds this by itself for the extension code -1, whatever the hook says. Never ours.
FOREIGN_TIME: type = msgpack.Timestamp


def pack(value: object, rewrite: Callable[[Any], object]) -> bytes:
    """The bytes of *value*; *rewrite* turns what msgpack does not know into what it does.

    Exact types only: subclasses and tuples go to *rewrite* too. Raises whatever msgpack or
    *rewrite* raises: TypeError, ValueError, OverflowError, RecursionError.
    """
    # Not packb: passing its keywords on takes it twice as long as the packing.
    packed: bytes = msgpack.Packer(strict_types=True, default=rewrite).pack(value)
    return packed


def unpack(
    payload: bytes,
    *,
    max_items: int,
    extensions: Callable[[int, bytes], object],
    lists: Callable[[list[Any]], object] | None = None,
    pairs: Callable[[list[tuple[Any, Any]]], object] | None = None,
) -> object:
    """The value in *payload*, with at most *max_items* in one list or map.

    *extensions* turns a code and bytes into a value; *lists* and *pairs* are called with each
    finished list and with the pairs of each map. Raises whatever msgpack or they raise.
    """
    value: object = msgpack.unpackb(
        payload,
        raw=False,
        strict_map_key=False,
        max_array_len=max_items,
        max_map_len=max_items,
        ext_hook=extensions,
        list_hook=lists,
        object_pairs_hook=pairs,
    )
    return value


def second_of(payload: bytes) -> object:
    """The second item of the list in *payload*, which is decoded no further than that.

    Raises whatever msgpack raises for bytes that are no list.
    """
    unpacker = msgpack.Unpacker(raw=False)
    unpacker.feed(payload)
    unpacker.read_array_header()
    unpacker.skip()
    second: object = unpacker.unpack()
    return second
