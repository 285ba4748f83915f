"""Values arrive as what they were, or are refused with a reason."""

import enum
import sys
import zoneinfo
from collections import OrderedDict, namedtuple
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import hypothesis.strategies as st
import msgpack
import pytest
from hypothesis import HealthCheck, given, settings

from lionherd_dist.errors import DecodeError, EncodeError, PayloadTooLargeError
from lionherd_dist.registry import sendable
from lionherd_dist.wire import kinds
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.values import decode, encode, encode_parts

LIMITS = Limits()
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@sendable
@dataclass(frozen=True)
class Leaf:
    value: object
    label: str = "none"


class Picky:
    def __init__(self, size: int) -> None:
        if size < 0:
            raise RuntimeError("a size below 0")
        self.size = size


sendable(Picky, to=lambda picky: picky.size, frm=Picky)


@sendable
class Bits(enum.Flag):
    ONE = 1
    TWO = 2


@sendable(name="tests.NoValue")
class NoValueError(Exception):
    pass


class Colour(enum.IntEnum):
    RED = 1


def same(one: object, other: object) -> bool:
    """Equal, and of the same types throughout; NaN is itself, and 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, Leaf) and isinstance(other, Leaf):
        return same(one.value, other.value) and one.label == other.label
    if isinstance(one, datetime | time) and isinstance(other, datetime | time):
        return repr(one) == repr(other)  # its zone and fold too
    if isinstance(one, set | frozenset):
        return one == other
    return repr(one) == repr(other)


def there_and_back(value: object) -> object:
    return decode(encode(value, LIMITS), LIMITS)


zones = st.one_of(
    st.none(),
    st.just(UTC),
    st.timezone_keys(allow_prefix=False).map(zoneinfo.ZoneInfo),
    # Whole seconds: Python itself reads an offset below one second back as UTC.
    st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds))),
)
hashable_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.dates(),
    st.timedeltas(),
    st.datetimes(timezones=zones),
    st.times(timezones=zones),
)
scalars = st.one_of(
    hashable_scalars,
    st.floats(),
    st.complex_numbers(),
    st.decimals(allow_nan=True),
    st.binary().map(bytearray),
)
hashables = st.recursive(
    hashable_scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple), st.frozensets(inner, max_size=4)
    ),
    max_leaves=4,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.sets(hashables, max_size=5),
        st.frozensets(hashables, max_size=5),
        st.dictionaries(hashables, inner, max_size=5),
        st.builds(Leaf, inner, st.text()),
        st.sampled_from([Bits.ONE, Bits.TWO, Bits.ONE | Bits.TWO, Bits(0)]),
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values)
def test_a_value_arrives_as_exactly_what_it_was(value: object) -> None:
    """Of the same types throughout, in the same order, with its zone, sign and fold."""
    assert same(there_and_back(value), value)


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        2**64,
        -(2**63) - 1,
        10**500,
        float("nan"),
        float("-inf"),
        -0.0,
        Decimal("-0E+7"),
        Decimal("sNaN123"),
        complex(-0.0, float("nan")),
        bytearray(b"\x00"),
        {"in": [bytearray(b"a"), (bytearray(b"b"), {"deep": Leaf(bytearray(b"c"))})], "b": b"d"},
        "ŃŚƀ",
        (),
        set(),
        {(1, ("a",)): 1, None: 2, frozenset({3}): 3, b"k": 4, 5: 5, True: 6},
        datetime.max,  # noqa: DTZ901 (naive on purpose)
        datetime.min.replace(tzinfo=UTC),
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
        datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN),  # a time that no clock there showed
        datetime(2026, 1, 1, fold=1),  # noqa: DTZ001 (naive on purpose)
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-3, seconds=7))),
        time(1, 2, 3, 4, tzinfo=BERLIN),
        time(1, tzinfo=UTC, fold=1),
        timedelta.min,
        timedelta.max,
        date.min,
        UUID(int=0),
        Leaf([Leaf((Leaf({}),))]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_edges_of_each_type_arrive(value: object) -> None:
    """What a generator of examples may not meet."""
    assert same(there_and_back(value), value)


def test_a_missing_field_takes_its_default_and_an_unknown_one_is_refused() -> None:
    """The older sender is understood; the newer sender is not misunderstood."""
    mark = msgpack.ExtType(kinds.MARK, b"d")
    name = f"{__name__}:Leaf"
    assert decode(msgpack.packb([mark, name, "value", 1]), LIMITS) == Leaf(1)
    with pytest.raises(DecodeError, match="fields that it does not have here"):
        decode(msgpack.packb([mark, name, "value", 1, "size", 2]), LIMITS)
    with pytest.raises(DecodeError, match="without its field 'value'"):
        decode(msgpack.packb([mark, name]), LIMITS)


def test_a_zone_unknown_here_becomes_its_offset() -> None:
    """The instant is kept, without the name."""
    packed = msgpack.packb(msgpack.ExtType(5, b"02026-07-01T00:00:00+02:00[Mars/Olympus]"))
    assert same(decode(packed, LIMITS), datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2))))


def test_a_zone_with_other_rules_here_keeps_the_instant() -> None:
    """Zone data are updated at different times on different machines."""
    packed = msgpack.packb(msgpack.ExtType(5, b"02026-07-01T00:00:00+05:00[Europe/Berlin]"))
    arrived = decode(packed, LIMITS)
    assert arrived == datetime(2026, 6, 30, 19, tzinfo=UTC)
    assert isinstance(arrived, datetime)
    assert arrived.tzinfo is BERLIN


class BrokenZone(tzinfo):
    def utcoffset(self, dt: datetime | None) -> timedelta:
        raise KeyError("no offset today")


class Sub(str):
    __slots__ = ()


@dataclass
class Unregistered:
    x: int = 0


Pair = namedtuple("Pair", "one two")  # noqa: PYI024 (the kind that users have)


@pytest.mark.parametrize(
    ("value", "path", "advice"),
    [
        ([{"when": object()}], "args[0]['when']", "object cannot be sent"),
        ((1, {"a": {2: [Colour.RED]}}), "args[1]['a'][2][0]", "send its .value"),
        ([Unregistered()], "args[0]", "put @sendable above its @dataclass"),
        ([Leaf(Path("/x"))], "args[0].value", "send str(...) of it"),
        ([Pair(1, 2)], "args[0]", "send a plain tuple"),
        ([OrderedDict()], "args[0]", "send a plain dict"),
        ([Sub("x")], "args[0]", "send a plain str"),
        ([{Sub("key"): 1}], "args[0]['key'] as a key", "send a plain str"),
        ([{(1, Colour.RED): 1}], "[1]", "send its .value"),
        ([{Fraction(1, 2)}], "args[0].item", "Fraction cannot be sent"),
        (["\ud800"], "args[0]", "lone surrogate at 0"),
        ([b"x", (memoryview(b"x"),)], "args[1][0]", "send bytes(view)"),
        ([ValueError("x")], "args[0]", "errors travel when a task raises them"),
        ([len], "args[0]", "builtin_function_or_method cannot be sent"),
        ([datetime(2026, 1, 1, tzinfo=BrokenZone())], "args[0]", "with .astimezone"),
        ([msgpack.Timestamp(1, 0)], "args[0]", "Timestamp cannot be sent"),
    ],
)
def test_what_cannot_be_sent_is_named_by_its_path(value: object, path: str, advice: str) -> None:
    """With what to do about it."""
    with pytest.raises(EncodeError) as caught:
        encode_parts(value, {"args": value}, LIMITS)
    assert path in str(caught.value)
    assert advice in str(caught.value)
    assert not isinstance(caught.value, PayloadTooLargeError)


def test_a_class_of_the_program_itself_is_refused_at_the_sender() -> None:
    """No worker has the __main__ of the client."""

    @dataclass
    class Mine:
        x: int = 0

    sendable(name="__main__:Mine")(Mine)
    with pytest.raises(EncodeError, match="defined in the program itself"):
        encode([Mine()], LIMITS)


def test_a_list_that_holds_itself_is_refused() -> None:
    """Not a RecursionError."""
    circle: list[object] = [1]
    circle.append({"again": circle})
    with pytest.raises(EncodeError, match=r"value\[1\]\['again'\]: list that holds itself"):
        encode(circle, LIMITS)


def nested(depth: int, wrap: type = list) -> object:
    value: object = wrap()
    for _ in range(depth - 1):
        value = wrap([value])
    return value


@pytest.mark.parametrize(
    ("wrap", "depth"),
    [(wrap, depth) for wrap in (list, tuple, Leaf) for depth in (65, 400, 600, 5000)]
    + [(frozenset, 65), (frozenset, 400)],
)
def test_what_is_nested_too_deep_is_refused_whatever_it_is_made_of(depth: int, wrap: type) -> None:
    """Where msgpack gives up, and before."""
    value = Leaf(0) if wrap is Leaf else wrap()
    for _ in range(depth - 1):
        value = wrap(value) if wrap is Leaf else wrap([value])
    with pytest.raises(PayloadTooLargeError, match=r"deep|recursion"):
        encode(value, LIMITS)


def test_the_deepest_that_is_allowed_arrives() -> None:
    """The limit is the same for both directions, and for every container."""
    for wrap in (list, tuple):
        assert same(there_and_back(nested(64, wrap)), nested(64, wrap))
    with pytest.raises(DecodeError, match="nested deeper than the 64"):
        decode(b"\x91" * 64 + b"\x90", LIMITS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"x" * (1 << 20), "1048576 are allowed"),
        ([0] * 100_001, "max_array_len"),
        ([[0] * 60_000, [0] * 60_000], "more than the 100000 items"),
        ({"k": list(range(100_000))}, "more than the 100000 items"),
    ],
)
def test_what_is_too_large_is_refused_with_advice(value: object, text: str) -> None:
    """Before anything is written."""
    with pytest.raises(PayloadTooLargeError, match=text) as caught:
        encode(value, LIMITS)
    assert "Send a reference" in str(caught.value)


def test_limits_that_no_failure_would_fit_into_are_refused() -> None:
    """A call that failed must be able to say so."""
    for wrong in ({"max_bytes": 100}, {"max_items": 1}, {"max_depth": 2}, {"max_depth": 1000}):
        with pytest.raises(ValueError, match="give max_bytes of at least"):
            Limits(**wrong)


HOSTILE = [
    b"",
    b"\xc1",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\x91" * 100_000,
    b"\x81\xc0" * 100_000,
    b"\xa2\xff\xfe",
    b"\x90" + b"\x90",
    b"\x81\x90\x01",
    msgpack.packb(msgpack.Timestamp(1, 0)),
    msgpack.packb([1, [msgpack.Timestamp(2**33, 1)]]),
    msgpack.packb({"k": msgpack.Timestamp(2**40, 1)}),
    msgpack.packb(msgpack.ExtType(99, b"")),
    msgpack.packb(msgpack.ExtType(kinds.MARK, b"t")),
    msgpack.packb([1, msgpack.ExtType(kinds.MARK, b"t")]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"t")] * 2),
    msgpack.packb({msgpack.ExtType(kinds.MARK, b"t"): 1}),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"?")]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"tt")]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"s"), []]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"d")]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"d"), "os:system", "command", "id"]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"d"), [], "x", 1]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"d"), f"{__name__}:Leaf", "value"]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"d"), f"{__name__}:Leaf", [], 1]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"d"), f"{__name__}:Leaf", "value", 1, "value", 2]),
    msgpack.packb(
        [msgpack.ExtType(kinds.MARK, b"d"), f"{__name__}:Leaf", "value", 1, "__dict__", 2]
    ),
    msgpack.packb(
        [msgpack.ExtType(kinds.MARK, b"d"), f"{__name__}:Leaf", "__dict__", {"value": 1}]
    ),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"d"), f"{__name__}:Picky", "size", 1]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c")]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), f"{__name__}:Picky"]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), f"{__name__}:Picky", -1]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), f"{__name__}:Leaf", 1]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), "os:system", "id"]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), f"{__name__}:Bits", "THREE"]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), f"{__name__}:Bits", ["ONE", 8]]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), f"{__name__}:Bits", ["ONE", b"x"]]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), f"{__name__}:Bits", 1]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), "tests.NoValue", 1]),
    msgpack.packb([msgpack.ExtType(kinds.MARK, b"d"), "tests.NoValue"]),
    msgpack.packb(msgpack.ExtType(3, b"not a number")),
    msgpack.packb(msgpack.ExtType(4, b"short")),
    msgpack.packb(msgpack.ExtType(5, b"02026-13-01")),
    msgpack.packb(msgpack.ExtType(5, b"00001-01-01T00:00:00+23:00[Europe/Berlin]")),
    msgpack.packb(msgpack.ExtType(5, b"02026-01-01T00:00:00[../../etc/passwd]")),
    msgpack.packb(msgpack.ExtType(7, b"\xff")),
    msgpack.packb(msgpack.ExtType(8, b"\x7f\xff\xff\xff" + b"\xff" * 8)),
    msgpack.packb(msgpack.ExtType(9, b"\x00")),
    msgpack.packb([0] * 100_001),
    msgpack.packb([[[]] * 60_000, [[]] * 60_000]),
    b"x" * (1 << 21),
]


@pytest.mark.parametrize("payload", HOSTILE, ids=lambda payload: payload[:12].hex() or "empty")
def test_hostile_bytes_are_refused_and_nothing_else_happens(payload: bytes) -> None:
    """One class of error for everything that anybody may write to the server."""
    with pytest.raises(DecodeError):
        decode(payload, LIMITS)


def test_hostile_bytes_cannot_make_a_class_be_imported() -> None:
    """Names are looked up among what is registered, nowhere else."""
    forged = [msgpack.ExtType(kinds.MARK, b"d"), "antigravity:fly"]
    with pytest.raises(DecodeError, match="'antigravity:fly' is not registered"):
        decode(msgpack.packb(forged), LIMITS)
    assert "antigravity" not in sys.modules


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_a_decode_error(payload: bytes) -> None:
    """Never a crash, never another exception."""
    with suppress(DecodeError):
        decode(payload, LIMITS)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values, st.data())
def test_damaged_messages_are_a_value_or_a_decode_error(value: object, data: st.DataObject) -> None:
    """Bytes changed, cut and repeated, of messages that were good."""
    payload = bytearray(encode(value, LIMITS))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(payload)))
        until = data.draw(st.integers(at, len(payload)))
        payload[at:until] = data.draw(st.binary(max_size=4))
    with suppress(DecodeError):
        decode(bytes(payload), LIMITS)
