"""Values to bytes and back: every plain Python type, as exactly the type it was.

None, bool, int of any size, float, complex, str, bytes, bytearray, list, tuple, set, frozenset,
dict with any hashable keys of these, datetime, date, time, timedelta, Decimal, UUID, and what
``@sendable`` registers. Subclasses of these (enums, named tuples, OrderedDict) are refused rather
than sent as something else.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lionherd_dist.errors import DecodeError, EncodeError, PayloadTooLargeError
from lionherd_dist.wire import kinds, unsendable
from lionherd_dist.wire.limits import Limits, OutOfBoundsError, check
from lionherd_dist.wire.packer import pack, unpack

# Buffers that msgpack packs as bytes without asking; the first bytes of what it makes of them, as
# numbers: bytes are looked for in bytes six times as long, as that begins with an error.
_BUFFERS: frozenset[type] = frozenset({bytearray, memoryview})
_BIN8, _BIN16, _BIN32 = 0xC4, 0xC5, 0xC6
_MAP16, _MAP32 = 0xDE, 0xDF  # the first bytes of maps with 16 keys and more
_NOT_EXTENSIONS = bytes(b for b in range(256) if not (0xC7 <= b <= 0xC9 or 0xD4 <= b <= 0xD8))
_LARGE = 2 * kinds.MOST_UNCHECKED  # bytes, of as many keys and values

# What packing raises where there is too much of something rather than something wrong.
_TOO_MUCH = (OutOfBoundsError, ValueError, RecursionError, OverflowError, MemoryError)


def encode(value: object, limits: Limits) -> bytes:
    """The bytes of *value*.

    Raises:
        EncodeError: it holds something that cannot be sent; the message has the path to it.
        PayloadTooLargeError: it is larger than *limits*.
    """
    return encode_parts(value, {"value": value}, limits)


def encode_parts(message: object, parts: Mapping[str, object], limits: Limits) -> bytes:
    """The bytes of *message*, whose *parts*, by name, are what an error's path starts from."""
    try:
        payload = pack(message, kinds.rewrite)
        check(payload, limits)
        # Spelt out: any() over a generator takes as long as all the rest, for every call.
        may_hold_buffer = _BIN8 in payload or _BIN16 in payload or _BIN32 in payload
        if may_hold_buffer and _holds_buffer([message]):
            payload = pack(_without_buffers(message), kinds.rewrite)
            check(payload, limits)
    except Exception as error:  # tzinfo and dataclasses run code of the user, which raises anything
        raise _refusal(error, parts, limits) from error
    return payload


def decode(payload: bytes, limits: Limits) -> object:
    """The value in *payload*, which may be anything that anybody wrote.

    Raises:
        DecodeError: the bytes are not what ``encode`` makes, or are larger than *limits*, or hold
            a class that is not registered in this process. Nothing else is ever raised.
    """
    try:
        check(payload, limits)
        pairs = kinds.dict_of if len(payload) > _LARGE and _may_hold_odd_keys(payload) else None
        if payload.find(kinds.MARK_BYTES) < 0:  # ``in`` takes twice as long
            return unpack(
                payload,
                max_items=limits.max_items,
                extensions=kinds.scalar,
                pairs=pairs,
            )
        rebuilder = kinds.Rebuilder()
        value = unpack(
            payload,
            max_items=limits.max_items,
            extensions=rebuilder.extension,
            lists=rebuilder.list_or_container,
            pairs=pairs,
        )
        rebuilder.finish()
    except Exception as error:  # of msgpack, of a codec, of the constructor of a user's class
        text = f"{type(error).__name__}: {_text_of(error)}"
        raise DecodeError(f"{len(payload)} bytes that cannot be read: {text}") from error
    return value


def _may_hold_odd_keys(payload: bytes) -> bool:
    """True if a dict in it may have so many keys of one hash that it takes for ever to make.

    Of plain numbers a few dozen have the same hash, of texts none: it takes extensions.
    """
    if _MAP16 not in payload and _MAP32 not in payload:
        return False
    return len(payload.translate(None, _NOT_EXTENSIONS)) > kinds.MOST_ALIKE


def _refusal(error: Exception, parts: Mapping[str, object], limits: Limits) -> EncodeError:
    if not isinstance(error, OutOfBoundsError):
        found = unsendable.reason(parts, limits.max_depth)
        if found is not None:
            return EncodeError(found)
    if isinstance(error, _TOO_MUCH):
        return PayloadTooLargeError(
            f"{', '.join(parts)}: {_text_of(error)}. Send a reference (a path, a key, a URL) "
            "instead of the value itself"
        )
    return EncodeError(f"{', '.join(parts)}: {type(error).__name__}: {_text_of(error)}")


def _text_of(error: Exception) -> str:
    try:
        return str(error)[:200]
    except Exception:  # noqa: BLE001 (__str__ of the user may raise anything)
        return "(without a text)"


def _holds_buffer(members: Iterable[object]) -> bool:
    """True if a bytearray or a memoryview is somewhere in *members*; they arrive as bytes else."""
    pending = [members]
    for group in pending:
        found = set(map(type, group))
        if found & _BUFFERS:
            return True
        if not found <= kinds.PLAIN:
            pending.extend(inner for member in group if (inner := kinds.members_of(member)))
    return False


def _without_buffers(value: Any) -> object:
    """*value* with every container rebuilt, and each bytearray as the extension it travels as."""
    if type(value) is dict:
        return {key: _without_buffers(member) for key, member in value.items()}
    if type(value) not in kinds.AS_IS:
        value = kinds.rewrite(value)
    return [_without_buffers(member) for member in value] if type(value) is list else value
