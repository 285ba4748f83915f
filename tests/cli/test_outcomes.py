"""Lines of output: every result as JSON, in the order asked for."""

import datetime as dt
import json
import math
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest

from lionherd_dist.cli.outcomes import Done, Failed, InputOrder, line_of, result_of
from lionherd_dist.errors import RemoteError, UnknownTaskError


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
        ([math.nan, math.inf, 1.0], [None, None, 1.0]),
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
