"""Calls and outcomes as bytes: arrays that begin with the version of their shape.

    call       [1, task, args, kwargs]  or  [1, task, args, kwargs, options]
               or  [1, task, args, kwargs, options, traceparent]
    success    [1, 0, value]                    or  [1, 0, value, worker, attempt, ran]
    failure    [1, 1, record, worker, attempt]  or  [1, 1, record, worker, attempt, ran]
    cancelled  [1, 2]

options are a dict with "timeout", "retry" and "timed", see ``overrides``, and "carried", the values
of context variables by name; a traceparent is that of
W3C Trace Context, and ignored where it is none; a failure's record is described in ``failures``;
ran is [begun, took], in milliseconds, of a call that is to be timed. Items after those above, and
options or fields of another name, are ignored: a later version may add them. Anything else that is
different needs a new version.
"""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from lionherd_dist.call import Call, Cancelled, Failure, Message, Outcome, Ran, Success
from lionherd_dist.errors import DecodeError, EncodeError
from lionherd_dist.wire.called import called_record
from lionherd_dist.wire.failures import BUDGETS, Record, record_of, shorten
from lionherd_dist.wire.limits import DEFAULT_LIMITS, Limits, OutOfBoundsError, check
from lionherd_dist.wire.overrides import overrides_from, overrides_of
from lionherd_dist.wire.packer import second_of
from lionherd_dist.wire.rebuilding import error_from
from lionherd_dist.wire.values import decode, encode_parts

VERSION = 1
_SUCCESS, _FAILURE, _CANCELLED = range(3)
_LIST_OF_4, _LIST_OF_6, _NO_OPTIONS = b"\x94", b"\x96", b"\x80"  # as msgpack begins them

_MOST_ATTEMPTS = 2**53  # a larger number is none of ours, and may be too long to be printed

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_NOTHING: Mapping[str, object] = MappingProxyType({})

_CANCELLED_BYTES = encode_parts([VERSION, _CANCELLED], {}, DEFAULT_LIMITS)


def encode_call(
    call: Call[object],
    limits: Limits = DEFAULT_LIMITS,
    *,
    timed: bool = False,
    carried: Mapping[str, object] = _NOTHING,
) -> bytes:
    """The bytes of *call*; with *timed*, its outcome is to say when and where it ran.

    *carried* are the values of context variables that go with it, by name.

    Raises:
        EncodeError: an argument cannot be sent; the message has its path, ``args[0]['when']``. Or
            a class in ``retry_on`` has no name that a worker could know it by.
        PayloadTooLargeError: together they are larger than *limits*.
    """
    kwargs = dict(call.kwargs)
    message: list[object] = [VERSION, call.task, list(call.args), kwargs]
    parts: dict[str, object] = {"args": call.args, "kwargs": kwargs}
    if timed or carried or call.timeout is not None or call.retry is not None:
        options = overrides_of(call.timeout, call.retry, timed=timed)
        if carried:
            options["carried"] = parts["carried"] = dict(carried)
        message.append(options)
    return encode_parts(message, parts, limits)


def with_traceparent(call: bytes, traceparent: str, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """*call*, as ``encode_call`` made it, with a *traceparent* that has the form of one.

    A call that would outgrow *limits* by it stays as it is: it runs, and is in no trace.
    """
    options = _NO_OPTIONS if call.startswith(_LIST_OF_4) else b""
    traced = _LIST_OF_6 + call[1:] + options + encode_parts(traceparent, {}, limits)
    try:
        check(traced, limits)
    except OutOfBoundsError:
        return call
    return traced


def decode_call(payload: bytes, limits: Limits = DEFAULT_LIMITS) -> Message:
    """The call in *payload*, which may be anything.

    Raises:
        DecodeError: it is not a call of version 1, or larger than *limits*, or holds a class that
            is not registered in this process.
    """
    message = _message_from(payload, limits)
    # Spelt out: a match statement takes three times as long, and this runs for every call.
    if len(message) >= 4:
        task, args, kwargs = message[1:4]
        if type(task) is str and type(args) is list and type(kwargs) is dict and _named(kwargs):
            if len(message) == 4:
                return Message(task, tuple(args), kwargs)
            traceparent = _traceparent_of(message)
            options = message[4]
            overrides = overrides_from(options)
            carried = _carried_from(options)
            return Message(task, tuple(args), kwargs, *overrides, traceparent, carried)
    raise DecodeError(f"a call was expected, and this is {_shape_of(message)}")


def task_name_in(payload: bytes) -> str:
    """The name of the task in a call, of which nothing else is decoded; "" if it cannot be read."""
    try:
        name = second_of(payload)
    except Exception:  # noqa: BLE001 (of any class that msgpack raises for bytes that are not its)
        return ""
    return name if type(name) is str else ""


def encode_outcome(
    outcome: Outcome,
    *,
    worker: str,
    attempt: int,
    limits: Limits = DEFAULT_LIMITS,
    call: Message | None = None,
) -> bytes:
    """The bytes of *outcome*, which *worker* came to in attempt number *attempt* of *call*.

    A failure and a cancellation can always be sent: a failure is shortened until it fits. So
    where the value of a success is refused, send ``Failure(the_error)`` in its place.

    Raises:
        EncodeError: the value cannot be sent; the message has its path, ``result['when']``.
        PayloadTooLargeError: it is larger than *limits*.
    """
    if isinstance(outcome, Success):
        value = outcome.value
        message = [VERSION, _SUCCESS, value]
        if outcome.ran is not None:
            message += [shorten(worker, 256), attempt, *_times(outcome.ran)]
        return encode_parts(message, {"result": value}, limits)
    if isinstance(outcome, Failure):
        called: Record = {} if call is None else {"call": called_record(call)}
        return _encode_failure(outcome, [shorten(worker, 256), attempt], called, limits)
    return _CANCELLED_BYTES


def decode_outcome(payload: bytes, limits: Limits = DEFAULT_LIMITS) -> Outcome:
    """The outcome in *payload*, which may be anything.

    A failure's exception has a note that says which worker raised it, in which attempt, and the
    traceback there.

    Raises:
        DecodeError: it is not an outcome of version 1, or larger than *limits*, or holds a class
            that is not registered in this process.
    """
    message = _message_from(payload, limits)
    if len(message) == 3 and message[1] == _SUCCESS and type(message[1]) is int:
        return Success(message[2])  # nearly all are: a match statement takes as long as the rest
    match message[1:]:
        case [0, value, *more] if _is_number(message[1]):
            return Success(value, _ran_from(more, failed=False))
        case [1, record, str(worker), int(attempt), *_] if _is_number(message[1], attempt):
            error = _error_from(record, worker, attempt)
            return Failure(error, _ran_from(message[3:], failed=True))
        case [2, *_]:
            return Cancelled()
        case _:
            raise DecodeError(f"an outcome was expected, and this is {_shape_of(message)}")


def _error_from(record: object, worker: str, attempt: int) -> Exception:
    """Whatever a registered class does with a state that it never had: it is an error in place."""
    if not 0 <= attempt < _MOST_ATTEMPTS:
        raise DecodeError("a failure of an attempt whose number is none")
    try:
        return error_from(record, worker=worker, attempt=attempt)
    except DecodeError:
        raise
    except Exception as error:
        raise DecodeError(f"a failure that cannot be made again: {type(error).__name__}") from error


def _encode_failure(failure: Failure, place: list[object], called: Record, limits: Limits) -> bytes:
    """The first that fits, of *called*: its call, which only the last of them has not."""
    rest = [*place, *_times(failure.ran)]
    for budget in BUDGETS[:-1]:
        record = record_of(failure.error, limits, budget) | called
        try:
            return encode_parts([VERSION, _FAILURE, record, *rest], {}, limits)
        except EncodeError:  # too large, or an argument that changed meanwhile
            continue
    record = record_of(failure.error, limits, BUDGETS[-1])
    return encode_parts([VERSION, _FAILURE, record, *rest], {}, limits)


def _times(ran: Ran | None) -> list[object]:
    return [] if ran is None else [[round(ran.begun_ms, 3), round(ran.ran_ms, 3)]]


def _ran_from(more: list[object], *, failed: bool) -> Ran | None:
    """What follows an outcome, if it is what we write there; a later version may write others."""
    match more:
        case [str(worker), int(attempt), [float(begun_ms), float(ran_ms)], *_]:
            if math.isfinite(begun_ms) and math.isfinite(ran_ms) and ran_ms >= 0:
                return Ran(begun_ms, ran_ms, worker, attempt, failed)
    return None


def _message_from(payload: bytes, limits: Limits) -> list[object]:
    """The list in *payload*, whose first item is our version."""
    message = decode(payload, limits)
    if type(message) is not list or not message or type(message[0]) is not int:
        raise DecodeError(f"a message was expected, and this is {type(message).__name__}")
    if message[0] != VERSION:
        raise DecodeError(
            f"a message of version {message[0] % 10**9}, and this process reads version {VERSION}: "
            "let all processes run the same release"
        )
    return message


def _traceparent_of(message: list[object]) -> str:
    """Never a reason to refuse a call, whatever it is."""
    if len(message) < 6 or type(message[5]) is not str:
        return ""
    return message[5] if _TRACEPARENT.fullmatch(message[5]) else ""


def _carried_from(options: object) -> Mapping[str, object]:
    """The values of context variables; of another shape, they are a later version's."""
    carried = options.get("carried") if type(options) is dict else None
    return carried if type(carried) is dict and _named(carried) else _NOTHING


def _is_number(*values: object) -> bool:
    return bool not in map(type, values)  # which would pass for 0 and 1


def _named(kwargs: dict[object, object]) -> bool:
    return not kwargs or set(map(type, kwargs)) <= {str}


def _shape_of(items: list[object]) -> str:
    """The types of the first items: never their values, which may be anything."""
    return f"[{', '.join(type(item).__name__ for item in items[:5])}]"
