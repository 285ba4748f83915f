"""Lines of output: every result as JSON, in the order asked for."""

import copy
import datetime as dt
import json
import math
import pickle
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest

from lionherd_dist.call import Failure, Message
from lionherd_dist.cli.outcomes import Done, Failed, InputOrder, failure_of, line_of, result_of
from lionherd_dist.errors import RemoteError, UnknownTaskError
from lionherd_dist.wire.called import failure_note
from lionherd_dist.wire.messages import decode_outcome, encode_outcome
from lionherd_dist.wire.packer import pack


@dataclass
class Point:
    x: int
    label: bytes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ([1, 2.5, "é", True], [1, 2.5, "é", True]),
        ((1, (2,)), [1, [2]]),
        (b"\0\xff", "AP8="),
        (bytearray(b"hi"), "aGk="),
        ({3, 1, 2}, [1, 2, 3]),
        pytest.param(frozenset({"b", 1}), [1, "b"], id="frozenset of two types"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (dt.datetime(2024, 5, 6, 7, 8, tzinfo=dt.UTC), "2024-05-06T07:08:00+00:00"),
        (dt.date(2024, 5, 6), "2024-05-06"),
        (dt.time(7, 8), "07:08:00"),
        (dt.timedelta(minutes=1.5), 90.0),
        (1 + 2j, [1.0, 2.0]),
        ([math.nan, math.inf, -math.inf, 1.0], ["nan", "inf", "-inf", 1.0]),
        (
            {1: "a", (1, 2): "b", b"k": {"deep": {1}}},
            {"1": "a", "[1, 2]": "b", "aw==": {"deep": [1]}},
        ),
        (Point(1, b"hi"), {"x": 1, "label": "aGk="}),
        (2**80, 2**80),
        ("\udc80 half", "\udc80 half"),
    ],
    ids=repr,
)
def test_every_result_is_json(value: object, expected: object) -> None:
    """What JSON has no form for is converted as documented, at any depth."""
    line = line_of(3, Done(value))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"index": 3, "result": expected}


def test_an_integer_that_python_will_not_print_is_hexadecimal() -> None:
    """No result is too odd for a line."""
    assert json.loads(line_of(0, Done(1 << 20_000)))["result"] == hex(1 << 20_000)


def test_text_stays_readable() -> None:
    """Text is UTF-8, not escapes."""
    assert "é".encode() in line_of(0, Done("é"))


class OddError(Exception):
    """Of no builtin class."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no"), Failed("ValueError", "no")),
        (RemoteError("httpx.ReadTimeout", "slow"), Failed("httpx.ReadTimeout", "slow")),
        (UnknownTaskError("x"), Failed("UnknownTaskError", "x")),
        (OddError("a\nb"), Failed(f"{__name__}.OddError", "a\nb")),
        (ExceptionGroup("g", [ExceptionGroup("h", [KeyError("k")])]), Failed("KeyError", "'k'")),
        (
            ExceptionGroup("g", [KeyError(), OSError()]),
            Failed("ExceptionGroup", "g (2 sub-exceptions)"),
        ),
    ],
    ids=repr,
)
def test_a_failure_has_the_name_of_its_class_and_its_text(
    error: Exception, expected: Failed
) -> None:
    """Remote classes keep their own names; a group of one is the one in it."""
    assert result_of(error) == expected
    line = json.loads(line_of(0, expected))
    assert line["error"] == {"type": expected.type_name, "message": expected.message}


def failed_in(*args: object, attempt: int = 2, **kwargs: object) -> Failed:
    """What a client makes of a failure that a worker sent."""
    call = Message("t:f", args, kwargs)
    data = encode_outcome(Failure(KeyError("k")), worker="h:1", attempt=attempt, call=call)
    outcome = decode_outcome(data)
    assert isinstance(outcome, Failure)
    return failure_of(outcome.error)


@pytest.mark.parametrize(
    ("failed", "shown"),
    [
        (failed_in("http://x"), {"item": "http://x"}),
        (failed_in({"a": [1, None]}), {"item": {"a": [1, None]}}),
        (failed_in(b"\xff", n={3, 1}), {"args": ["/w=="], "kwargs": {"n": [1, 3]}}),
        (failed_in(), {"args": [], "kwargs": {}}),
        (Failed("JSONDecodeError", "no", line="{oops"), {"line": "{oops"}),
        (Failed("JobLostError", "no"), {}),
    ],
    ids=repr,
)
def test_a_failure_has_its_item(failed: Failed, shown: dict[str, object]) -> None:
    """One argument is the item; others are args and kwargs; a line that is none is a line."""
    line = json.loads(line_of(4, failed))
    assert {key: line[key] for key in line if key not in {"index", "error"}} == shown


def test_what_is_shown_of_a_large_item_is_bounded() -> None:
    """A text in its place says how it begins, and how the call is named."""
    for large in ("x" * 900_000, [["y" * 1000] * 200] * 4, dict.fromkeys(range(5000), "z" * 99)):
        line = line_of(0, failed_in(large))
        assert len(line) < 1_000
        assert json.loads(line)["call"].startswith("t:f(")


def test_a_failure_says_who_raised_it_in_which_attempt_and_on_request_where() -> None:
    """The traceback only where it is asked for."""
    failed = failed_in(1)
    error = json.loads(line_of(0, failed))["error"]
    assert error == {"type": "KeyError", "message": "'k'", "attempt": 2, "worker": "h:1"}
    error = json.loads(line_of(0, failed, traceback=True))["error"]
    assert error["traceback"].endswith("KeyError: 'k'\n")
    assert failed.described(7) == "item 7 (1), attempt 2: 'k'"


def test_what_a_terminal_would_obey_is_escaped_wherever_it_stands() -> None:
    """In results, items, messages and tracebacks: control characters, directions, line ends."""
    hostile = "\x1b[31m\x7f\x9b\u202ered\u2066\u2028\ud800é"
    try:
        raise ValueError(hostile)
    except ValueError as error:
        data = encode_outcome(
            Failure(error), worker="h:1", attempt=1, call=Message("t:f", (hostile[:-2],), {})
        )
    outcome = decode_outcome(data)
    assert isinstance(outcome, Failure)
    failed = failure_of(outcome.error)
    for result in (Done({hostile: hostile}), failed):
        line = line_of(0, result, traceback=True).decode()
        assert line.removesuffix("\n").isprintable()
        assert "é" in line
    assert failed.described(0).isprintable()
    assert json.loads(line_of(0, Done(hostile)))["result"] == hostile


def test_an_item_of_a_class_that_is_not_registered_here_is_a_text() -> None:
    """A reader of a job need not have the module: the failure is told all the same."""
    packed = pack(["x"], lambda value: value)
    note = failure_note("t:f(Point(1))", packed[:-1], worker="h:1", attempt=1)
    assert Failed("E", "", note).item() == {"call": "t:f(Point(1))"}


def test_a_note_survives_copies_and_pickles() -> None:
    """It is a text like any other note, and keeps its parts."""
    note = failed_in("x").note
    for twin in (pickle.loads(pickle.dumps(note)), copy.copy(note)):
        assert (twin, twin.attempt, twin.arguments) == (note, 2, (["x"], {}))


def test_lines_come_out_in_the_order_of_the_input() -> None:
    """A line waits for all before it, and for nothing else."""
    order = InputOrder(most=10)
    assert order.released_by(1, b"b") == []
    assert order.released_by(0, b"a") == [b"a", b"b"]
    assert order.released_by(2, b"c") == [b"c"]


def test_items_are_let_in_only_so_far_ahead() -> None:
    """What is held can be no more than what was let in."""
    order = InputOrder(most=2)
    assert [order.admits(index) for index in range(4)] == [True, True, False, False]
    order.released_by(1, b"b")
    assert not order.admits(2)
    order.released_by(0, b"a")
    assert [order.admits(index) for index in range(2, 5)] == [True, True, False]


def test_what_is_left_over_comes_out_in_order() -> None:
    """A run that is stopped still gives what is done."""
    order = InputOrder(most=10)
    for index in (5, 2, 4):
        order.released_by(index, str(index).encode())
    assert order.rest() == [b"2", b"4", b"5"]
    assert order.rest() == []
