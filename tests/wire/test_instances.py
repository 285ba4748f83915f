"""Instances of registered classes arrive as they were, or their class is refused."""

import enum
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from fractions import Fraction
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import msgpack
import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    computed_field,
    field_serializer,
    field_validator,
)

from lionherd_dist.errors import DecodeError, EncodeError, PayloadTooLargeError
from lionherd_dist.registry import sendable
from lionherd_dist.wire import kinds
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.values import decode, encode

LIMITS = Limits()
T = TypeVar("T")


def there_and_back(value: object) -> object:
    return decode(encode(value, LIMITS), LIMITS)


def state_of(value: object) -> dict[str, object]:
    """What *value* holds, read as Python keeps it."""
    state = dict(getattr(value, "__dict__", {}))
    for base in type(value).__mro__:
        slots = [
            name for name, one in vars(base).items() if type(one).__name__ == "member_descriptor"
        ]
        state |= {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return state


# --- dataclasses


@sendable
@dataclass
class Shouting:
    name: str

    def __post_init__(self) -> None:
        self.name += "!!!"
        self.log = ["made"]  # an attribute, and no field


@sendable
@dataclass
class Later:
    x: int
    unset: int = field(init=False)
    made: list[int] = field(init=False, default_factory=list)
    fixed: int = field(init=False, default=5)


@sendable
@dataclass(slots=True)
class LaterInSlots:
    x: int
    unset: int = field(init=False)
    made: list[int] = field(init=False, default_factory=list)
    fixed: int = field(init=False, default=5)


@sendable
@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class Sealed:
    x: int
    seed: InitVar[int]
    product: int = field(compare=False, default=0)
    kind: ClassVar[str] = "sealed"

    def __post_init__(self, seed: int) -> None:
        object.__setattr__(self, "product", seed * self.x)


@sendable
@dataclass
class Louder(Shouting):
    times: int = 2

    @cached_property
    def loud(self) -> object:
        return object()


@sendable
@dataclass(init=False)
class OwnConstructor:
    doubled: int

    def __init__(self, half: int) -> None:
        self.doubled = 2 * half


@sendable
@dataclass
class OwnState:
    x: int

    def __getstate__(self) -> object:
        return {}

    def __setstate__(self, state: object) -> None:
        self.x = -1


@sendable
@dataclass
class Box(Generic[T]):
    value: T


class Hidden:
    __slots__ = ("__secret",)

    def keep(self, secret: int) -> "Hidden":
        self.__secret = secret
        return self

    def tell(self) -> int:
        return self.__secret


@sendable
@dataclass
class WithHidden(Hidden):
    x: int = 0


@sendable
@dataclass
class Unchecked:
    x: int

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, -1)


def changed(value: Later | LaterInSlots) -> Later | LaterInSlots:
    value.unset, value.fixed = 7, 6
    value.made.append(1)
    return value


@pytest.mark.parametrize(
    "value",
    [
        Shouting("bob"),
        Later(1),
        changed(Later(1)),
        LaterInSlots(1),
        changed(LaterInSlots(1)),
        Sealed(x=3, seed=4),
        Louder("bob"),
        OwnConstructor(4),
        OwnState(3),
        Box(Box(1)),
        Unchecked(5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_dataclass_arrives_with_exactly_the_attributes_that_it_had(value: object) -> None:
    """Whatever its constructor does with what it is given; it does not run."""
    arrived = there_and_back(value)
    assert type(arrived) is type(value)
    assert state_of(arrived) == state_of(value)


def test_private_slots_of_a_parent_arrive() -> None:
    """They are attributes, too, if under another name."""
    arrived = there_and_back(WithHidden(1).keep(7))
    assert isinstance(arrived, WithHidden)
    assert arrived.tell() == 7


def test_a_cached_property_is_computed_again() -> None:
    """It follows from the rest, and often could not be sent."""
    value = Louder("bob")
    assert value.loud
    arrived = there_and_back(value)
    assert isinstance(arrived, Louder)
    assert "loud" not in vars(arrived)


def test_the_type_that_a_generic_was_made_with_is_no_part_of_it() -> None:
    """``Box[int](1)`` is a Box."""
    assert there_and_back(Box[int](1)) == Box(1)


def test_a_field_that_was_deleted_is_refused_where_it_would_come_back_with_a_value() -> None:
    """A default must not take its place in silence."""
    value = LaterInSlots(1)
    del value.fixed
    with pytest.raises(EncodeError, match="its field 'fixed' has no value"):
        encode(value, LIMITS)


def packed(cls: type, *state: object) -> bytes:
    payload: bytes = msgpack.packb(
        [msgpack.ExtType(kinds.MARK, b"d"), f"{__name__}:{cls.__name__}", *state]
    )
    return payload


@pytest.mark.parametrize("cls", [Later, LaterInSlots])
def test_what_an_older_sender_has_no_field_for_gets_its_default(cls: type) -> None:
    """A factory makes one for each; a field without either stays unset."""
    one, other = (decode(packed(cls, "x", 1), LIMITS) for _ in range(2))
    assert isinstance(one, Later | LaterInSlots)
    assert isinstance(other, Later | LaterInSlots)
    assert (one.x, one.made, one.fixed, hasattr(one, "unset")) == (1, [], 5, False)
    assert one.made is not other.made


@pytest.mark.parametrize(
    "state",
    [
        ("x", 1, "newer", 2),
        (),
        ("x",),
        ("x", 1, "x", 2),
        ("x", 1, 5, 2),
        ("x", 1, "__dict__", {5: 1}),
        ("x", 1, "__dict__", {"x": 1}),
        ("x", 1, "__dict__", []),
    ],
    ids=repr,
)
def test_any_other_state_is_refused(state: tuple[object, ...]) -> None:
    """The newer sender is not misunderstood."""
    for cls in (Later, LaterInSlots):
        with pytest.raises(DecodeError):
            decode(packed(cls, *state), LIMITS)
    with pytest.raises(DecodeError, match="no place"):
        decode(packed(LaterInSlots, "x", 1, "__dict__", {"other": 1}), LIMITS)


# --- enums


@sendable
class Colour(enum.Enum):
    RED = "r"
    CRIMSON = "r"  # noqa: PIE796 (an alias)
    ODD = object()


@sendable
class Level(enum.IntEnum):
    LOW = 1


@sendable
class Word(enum.StrEnum):
    YES = "yes"


@sendable
class Right(enum.Flag):
    READ = 1
    WRITE = 2
    RUN = 4
    EDIT = 3
    NONE = 0


@sendable
class Open(enum.IntFlag):
    A = 1
    B = 2


@sendable
class Gaps(enum.Flag):
    LEFT = 6
    RIGHT = 24


@sendable
@dataclass
class Painted:
    colour: Colour
    rights: Right = Right.NONE


@pytest.mark.parametrize(
    "value",
    [
        *(Colour.RED, Colour.CRIMSON, Colour.ODD, Level.LOW, Word.YES),
        *(Right.READ, Right.EDIT, Right.NONE, Right.READ | Right.RUN, Right.EDIT | Right.RUN),
        *(~Right.READ, Open.A | Open.B, Open(9), Open(0), Open(-1)),
        *(Gaps.LEFT, Gaps.LEFT | Gaps.RIGHT, Gaps(0)),
    ],
    ids=str,
)
def test_an_enum_arrives_as_the_member_that_it_was(value: enum.Enum) -> None:
    """By its name: also one of a mixed-in type, an alias, and any combination of flags."""
    arrived = there_and_back({"deep": [value], value: Painted(Colour.RED)})
    assert arrived == {"deep": [value], value: Painted(Colour.RED)}
    assert isinstance(arrived, dict)
    assert type(arrived["deep"][0]) is type(value)


def test_a_member_that_this_process_has_not_is_refused() -> None:
    """As a field would be that it has not."""
    payload = encode(Colour.RED, LIMITS).replace(b"RED", b"INK")
    with pytest.raises(DecodeError, match="Colour has no member 'INK' here"):
        decode(payload, LIMITS)


# --- to and frm


class Celsius(float):
    """A subclass of a builtin type, as those of numpy are."""


class Plain:
    def __init__(self, x: object) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and self.x == other.x

    __hash__ = None  # type: ignore[assignment]  # no key of a dict


Pair = namedtuple("Pair", "one two")  # noqa: PYI024 (the kind that users have)

sendable(Celsius, to=float, frm=Celsius)
sendable(Plain, to=vars, frm=lambda state: Plain(**state))
sendable(Pair, to=tuple, frm=Pair._make)


class Lying:
    pass


sendable(Lying, to=lambda _: None, frm=lambda _: None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("value", [Celsius(1.5), Plain([Plain(b"x"), bytearray(b"y")]), Pair(1, 2)])
def test_any_class_travels_with_a_way_there_and_back(value: object) -> None:
    """What to= gives may hold anything that can be sent."""
    arrived = there_and_back([value])
    assert arrived == [value]
    assert isinstance(arrived, list)
    assert type(arrived[0]) is type(value)


def test_the_path_to_what_cannot_be_sent_goes_through_what_to_gave() -> None:
    """So that the message names the place."""
    with pytest.raises(EncodeError, match=r"value\[0\]\['x'\]\[1\]: object cannot be sent"):
        encode([Plain([1, object()])], LIMITS)


def test_what_frm_makes_must_be_of_the_class() -> None:
    """Else something else than was sent would arrive in silence."""
    with pytest.raises(DecodeError, match="made a NoneType of what arrived"):
        there_and_back(Lying())


def test_the_limits_hold_for_what_to_gives() -> None:
    """In bytes, items and depth."""
    with pytest.raises(PayloadTooLargeError, match="items"):
        encode(Plain([[]] * 100_000), LIMITS)
    deep = Plain(0)
    for _ in range(70):
        deep = Plain(deep)
    with pytest.raises(PayloadTooLargeError, match="deeper"):
        encode(deep, LIMITS)


# --- classes that are taken apart as models are


class LikeAModel:
    def __init__(self, name: str, at: datetime) -> None:
        self.name, self.at = name, at

    def model_dump(self) -> dict[str, object]:
        return {"name": self.name, "at": self.at}

    @classmethod
    def model_validate(cls, dump: dict[str, object]) -> "LikeAModel":
        return cls(**dump)  # type: ignore[arg-type]


def test_a_class_with_the_methods_of_a_model_travels_by_them() -> None:
    """Without pydantic; and one that lacks a method is refused, as any class is."""
    sendable(LikeAModel)
    at = datetime(2026, 12, 1, tzinfo=UTC)
    again = decode(encode([LikeAModel("x", at)], Limits()), Limits())[0]  # type: ignore[index]
    assert (type(again), again.name, again.at) == (LikeAModel, "x", at)

    class Half:
        def model_dump(self) -> dict[str, object]:
            return {}

    with pytest.raises(TypeError, match=r"to=.*frm="):
        sendable(Half)


# --- models of pydantic


class Deeper(BaseModel):
    numbers: set[int] = set()


class Inner(BaseModel):
    a: int = Field(alias="theA")
    deep: "Deeper | None" = None


@sendable
class Order(BaseModel):
    model_config = ConfigDict(extra="allow")
    items: list[Inner]
    by_name: dict[str, Inner] = {}
    colour: Colour = Colour.RED
    counted: int = 0
    hidden: int = Field(default=1, exclude=True)
    _private: int = PrivateAttr(default=3)

    @field_validator("counted")
    @classmethod
    def count(cls, value: int) -> int:
        return value + 1

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's manual writes it
    @property
    def total(self) -> int:
        return len(self.items)

    @field_serializer("counted")
    def show(self, value: int) -> str:
        return "changed"


@sendable
class FrozenModel(BaseModel, frozen=True):
    x: int
    y: list[int] = Field(default_factory=list)


@sendable
class Numbers(RootModel[list[int]]):
    pass


@sendable
class MoreOrder(Order):
    extra_field: FrozenModel


class Wrapped(BaseModel, Generic[T]):
    value: T


sendable(Wrapped[int], name="tests.WrappedInt")


class Unregistered(BaseModel):
    x: int = 0


def models() -> Iterator[BaseModel]:
    order = Order(items=[Inner(theA=1, deep=Deeper(numbers={1}))], counted=4, other="x")  # type: ignore[call-arg]  # extra
    order._private = 9
    yield order
    yield Order(items=[], hidden=5)
    yield FrozenModel(x=1)
    yield FrozenModel.model_construct(x="no int")
    yield Numbers([1, 2])
    yield MoreOrder(items=[], extra_field=FrozenModel(x=1, y=[2]))
    yield Wrapped[int](value=1)


@pytest.mark.parametrize("model", list(models()), ids=repr)
def test_a_pydantic_model_arrives_as_it_was(model: BaseModel) -> None:
    """With models inside, private and extra attributes, and without its validators run again."""
    arrived = there_and_back({"model": model})
    assert isinstance(arrived, dict)
    again = arrived["model"]
    assert type(again) is type(model)
    assert again == model
    assert again.model_fields_set == model.model_fields_set
    assert again.__pydantic_private__ == model.__pydantic_private__
    assert again.__pydantic_extra__ == model.__pydantic_extra__
    assert again.model_copy(deep=True) == model


def converted(name: str, state: object) -> bytes:
    payload: bytes = msgpack.packb([msgpack.ExtType(kinds.MARK, b"c"), name, state])
    return payload


def test_fields_of_a_model_that_an_older_sender_has_not_get_their_defaults() -> None:
    """As those of a dataclass do."""
    name = f"{__name__}:FrozenModel"
    assert decode(converted(name, {"x": 1}), LIMITS) == FrozenModel(x=1)
    for state in ({}, {"x": 1, "z": 2}, [], {"x": 1, 5: 2}, {"x": 1, "__pydantic_private__": 5}):
        with pytest.raises(DecodeError):
            decode(converted(name, state), LIMITS)


# --- what is refused, and what is said


class OddZone(tzinfo):
    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(hours=1)

    def dst(self, dt: datetime | None) -> timedelta:
        return timedelta()

    def tzname(self, dt: datetime | None) -> str:
        return "odd"


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1), "CET")),
        time(1, tzinfo=timezone(timedelta(0), "odd <name>]")),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(seconds=-7))),
        datetime(2026, 1, 1, tzinfo=UTC),
    ],
    ids=repr,
)
def test_the_name_of_an_offset_arrives(value: object) -> None:
    """``strptime`` with ``%Z`` makes such."""
    assert repr(there_and_back(value)) == repr(value)


@pytest.mark.parametrize(
    "zone", [OddZone(), timezone(timedelta(microseconds=5))], ids=["a class", "an offset"]
)
def test_a_zone_that_would_arrive_as_another_is_refused(zone: tzinfo) -> None:
    """An offset in place of the zone would change what is computed with it."""
    with pytest.raises(EncodeError, match=r"value\['at'\]: datetime\.datetime cannot be sent"):
        encode({"at": datetime(2026, 1, 1, tzinfo=zone)}, LIMITS)


class Rank(enum.Enum):
    LOW = 1


class Metres(int):
    pass


Spot = namedtuple("Spot", "x y")  # noqa: PYI024 (the kind that users have)


@pytest.mark.parametrize(
    "value",
    [
        Rank.LOW,
        Metres(5),
        Spot(1, 2),
        Unregistered(x=1),
        OrderedDict(a=1),
        Counter("aab"),
        Fraction(1, 3),
        ip_address("::1"),
        Path("/tmp"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_call_that_a_refusal_advises_helps(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice is followed to the letter, and the value arrives."""
    with pytest.raises(EncodeError) as caught:
        encode(value, LIMITS)
    monkeypatch.setattr("lionherd_dist.registry._by_class", {})
    monkeypatch.setattr("lionherd_dist.registry._by_name", {})
    cls = type(value)
    _, _, advised = str(caught.value).partition("sendable(")
    call = "sendable(" + advised.partition(")")[0] + ")"
    names = {
        "sendable": sendable,
        "pathlib": __import__("pathlib"),
        "fractions": __import__("fractions"),
    }
    names |= {"ipaddress": __import__("ipaddress"), "collections": __import__("collections")}
    exec(call.replace(f"{__name__}.", ""), names | globals())
    arrived = there_and_back([value])
    assert arrived == [value]
    assert isinstance(arrived, list)
    assert type(arrived[0]) is cls


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (defaultdict(int), "send a plain dict"),
        (deque([1]), "to=..., frm=..."),
        (range(3), r"send list(...) of it"),
        ({}.keys(), r"send list(...) of it"),
        (iter([]), r"send list(...) of it"),
        (len, "code does not travel"),
        (Plain, "code does not travel"),
        (Wrapped[str](value="x"), 'name="..."'),
        (object(), "to=..., frm=..."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_refusals_say_what_to_do(value: object, advice: str) -> None:
    """Nothing is sent as something else."""
    with pytest.raises(EncodeError) as caught:
        encode(value, LIMITS)
    assert advice in str(caught.value)
