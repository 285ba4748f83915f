"""What a client decodes is a failure in place, and what is done with it raises nothing."""

import pickle
import random
import traceback
from decimal import Decimal
from uuid import UUID

import msgpack
import pytest

from lionherd_dist import sendable
from lionherd_dist.call import Failure, Success
from lionherd_dist.errors import DecodeError
from lionherd_dist.natives import note_on
from lionherd_dist.wire import kinds
from lionherd_dist.wire.limits import DEFAULT_LIMITS
from lionherd_dist.wire.messages import decode_outcome
from lionherd_dist.wire.values import decode, encode

PRIME = 2**61 - 1  # hash(n) is n modulo this
LONG = 10**4_400  # has too many digits to be printed


@sendable
class Registered(Exception):
    """Of a user, with a text that takes its arguments for what they were."""

    def __str__(self) -> str:
        return f"{self.args[0].upper()}"


ODD = (5, None, True, "text", b"\xff", [], [5], {}, {"a": 1}, LONG, float("nan"), (1,), {1})
NAMES = (
    *("__notes__", "add_note", "__class__", "__dict__", "__cause__", "__context__", "args"),
    *("__traceback__", "errno", "strerror", "filename", "characters_written", "start", "end"),
    *(
        "object",
        "reason",
        "encoding",
        "name",
        "msg",
        "lineno",
        "offset",
        "text",
        "x",
        "__str__",
        "",
    ),
    *(
        "__str__",
        "with_traceback",
        "__suppress_context__",
        "print_file_and_line",
        "exceptions",
        "message",
    ),
)
CLASSES = (
    *("ValueError", "OSError", "KeyError", "UnicodeDecodeError", "SyntaxError", "ImportError"),
    *("StopIteration", "SystemExit", "ExceptionGroup", "BaseException", "json:JSONDecodeError"),
    *("subprocess:CalledProcessError", f"{__name__}:Registered", "lionherd_dist:RemoteError", ""),
)


def used(payload: bytes) -> None:
    """What is done with an outcome: nothing of it may raise."""
    try:
        outcome = decode_outcome(payload)
    except DecodeError as error:
        outcome = Failure(error)
    if isinstance(outcome, Success):
        return
    assert isinstance(outcome, Failure)
    note_on(outcome.error, "in call 3")
    traceback.format_exception(outcome.error)


def failure(record: object, attempt: object = 1) -> bytes:
    return encode([1, 1, record, "w", attempt], DEFAULT_LIMITS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("class_", CLASSES)
def test_a_failure_with_an_odd_state_is_a_failure(class_: str, name: str) -> None:
    for value in ODD:
        record = {"type": "T", "class": class_, "bases": [class_], "message": "m", "args": ["a"]}
        used(failure({**record, "state": {name: value}}))
        used(failure({**record, name: value}))


@pytest.mark.parametrize(
    "attempt",
    [-1, LONG, 2**53, 2**64, True, "1", None, 1.5, [1]],
    ids=lambda one: type(one).__name__,
)
def test_the_number_of_an_attempt_is_one_or_the_failure_is_refused(attempt: object) -> None:
    with pytest.raises(DecodeError):
        decode_outcome(failure({"type": "T", "class": "ValueError", "args": []}, attempt))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_record_is_it_is_a_failure(seed: int) -> None:
    """Records put together by chance."""
    dice = random.Random(seed)
    fields = ("type", "class", "bases", "message", "args", "state", "errors", "notes", "children")
    more = ("traceback", "call")

    def value(depth: int) -> object:
        kind = dice.randrange(6)
        if kind == 0 and depth:
            return [value(depth - 1) for _ in range(dice.randrange(4))]
        if kind == 1 and depth:
            return record(depth - 1)
        return dice.choice([*ODD, *CLASSES, *NAMES])

    def record(depth: int) -> dict[object, object]:
        chosen = dice.sample((*fields, *more, "x"), dice.randrange(8))
        return {name: value(depth) for name in chosen} | {"class": dice.choice(CLASSES)}

    for _ in range(1_500):
        used(failure(record(3)))


def alike(count: int) -> dict[str, list[object]]:
    """Values of which the hashes are the same, by kind."""
    return {
        "int": [n * PRIME for n in range(2**4, 2**4 + count)],
        "Decimal": [Decimal(n * PRIME) for n in range(count)],
        "UUID": [UUID(int=n * PRIME) for n in range(count)],
        "tuple": [(n * PRIME,) for n in range(count)],
    }


@pytest.mark.parametrize("made", [set, frozenset, dict.fromkeys], ids=["set", "frozenset", "dict"])
@pytest.mark.parametrize("kind", ["int", "Decimal", "UUID", "tuple"])
def test_many_members_of_one_hash_are_refused_before_they_are_put_together(kind, made) -> None:
    """In place, as any other value that cannot be read; 20,000 of them would take seconds."""
    few, many = alike(300)[kind], alike(20_000)[kind]
    packed = encode(made(few[:100]), DEFAULT_LIMITS)
    assert decode(packed, DEFAULT_LIMITS) == made(few[:100])
    with pytest.raises(DecodeError, match="of one hash"):
        decode(written(made, many), DEFAULT_LIMITS)


def written(made, members: list[object]) -> bytes:
    """As ``encode`` writes it, without ever making the table."""
    if made in {set, frozenset}:
        mark = msgpack.ExtType(kinds.MARK, b"s" if made is set else b"f")
        return msgpack.Packer(strict_types=True, default=kinds.rewrite).pack([mark, *members])
    packer = msgpack.Packer(strict_types=True, default=kinds.rewrite, autoreset=False)
    packer.pack_map_header(len(members))
    for member in members:
        packer.pack(member)
        packer.pack(None)
    return packer.bytes()


def test_large_tables_of_honest_members_come_through() -> None:
    for members in (
        list(range(-5_000, 5_000)),
        [n / 7 for n in range(10_000)],
        [str(n) for n in range(10_000)],
        [(n, str(n)) for n in range(10_000)],
        [2**70 + n for n in range(10_000)],
        [n * 2**40 for n in range(10_000)],
    ):
        for value in (set(members), frozenset(members), dict.fromkeys(members, 1)):
            assert decode(encode(value, DEFAULT_LIMITS), DEFAULT_LIMITS) == value


def test_a_note_never_raises() -> None:
    error = ValueError("x")
    error.__notes__ = 5  # type: ignore[assignment]
    note_on(error, "note")
    assert pickle.loads(pickle.dumps(error)).args == ("x",)


def test_what_frm_could_not_use_is_no_attribute() -> None:
    """The error is a RemoteError then, with nothing of the wire's own in it."""
    record = {
        "type": "urllib.error.HTTPError",
        "class": "urllib.error:HTTPError",
        "message": "m",
        "args": [],
        "state": {"<to>": 5},
    }
    outcome = decode_outcome(failure(record))
    assert isinstance(outcome, Failure)
    assert "<to>" not in vars(outcome.error)
