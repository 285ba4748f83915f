"""Calls and outcomes, as written in version 1 and for ever after."""

import math
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import msgpack
import pytest
from hypothesis import HealthCheck, given, settings

from lionherd_dist.call import Call, Cancelled, Failure, Message, Outcome, Ran, Retry, Success
from lionherd_dist.errors import DecodeError, EncodeError, PayloadTooLargeError
from lionherd_dist.registry import sendable
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.messages import (
    decode_call,
    decode_outcome,
    encode_call,
    encode_outcome,
    with_traceparent,
)

GOLDEN = Path(__file__).parent / "golden"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@sendable(name="tests.SlowDown")
class SlowDownError(Exception):
    __module__ = "golden"  # it is part of the bytes, and must not follow this file


class UnknownHereError(Exception):
    pass


async def _never(call: Call[object]) -> object:
    raise AssertionError("a call that travels does not run here")


def call(
    *args: object, timeout: float | None = None, retry: Retry | None = None, **kwargs: object
) -> Call[object]:
    return Call("tasks:fetch", args, kwargs, _never, timeout, retry)


def outcome_bytes(outcome: Outcome) -> bytes:
    return encode_outcome(outcome, worker="w", attempt=1)


def test_a_call_arrives_as_a_message() -> None:
    """Tuple arguments, keywords, and nothing that overrides the task."""
    message = decode_call(encode_call(call(1, (2, 3), key={"a": None})))
    assert message == Message("tasks:fetch", (1, (2, 3)), {"key": {"a": None}})


@pytest.mark.parametrize("timeout", [None, 3, 0.25])
@pytest.mark.parametrize(
    "retry", [None, Retry(), Retry(5, 0, 1, (ConnectionError, SlowDownError, DecodeError), 0.5)]
)
def test_what_a_call_overrides_travels_with_it(timeout: float | None, retry: Retry | None) -> None:
    """The policy is the client's word; the worker obeys."""
    message = decode_call(encode_call(call(1, timeout=timeout, retry=retry)))
    assert (message.timeout, message.retry) == (timeout, retry)


def test_a_retry_on_a_class_without_a_name_is_refused_at_the_client() -> None:
    """Where the mistake can be mended."""
    with pytest.raises(
        EncodeError, match=r"UnknownHereError has no name .*give the retry to @task"
    ):
        encode_call(call(retry=Retry(retry_on=(UnknownHereError,))))


def test_the_path_of_what_cannot_be_sent_starts_at_the_argument() -> None:
    """As the user wrote the call."""
    with pytest.raises(EncodeError, match=r"^args\[0\]\['when'\]: object"):
        encode_call(call({"when": object()}))
    with pytest.raises(EncodeError, match=r"^kwargs\['x'\]\[1\]: object"):
        encode_call(call(1, x=[1, object()]))
    with pytest.raises(EncodeError, match=r"^result\.item: object"):
        outcome_bytes(Success({object()}))
    with pytest.raises(PayloadTooLargeError, match=r"^args, kwargs: 10\d\d\d\d\d bytes"):
        encode_call(call(b"x" * (1 << 20)))


@pytest.mark.parametrize("outcome", [Success(None), Success((1, {2})), Cancelled()], ids=repr)
def test_an_outcome_arrives_as_itself(outcome: Outcome) -> None:
    """What was returned, or that nothing was."""
    assert decode_outcome(outcome_bytes(outcome)) == outcome


def test_what_refuses_a_result_can_be_sent_in_its_place() -> None:
    """The client hears why, instead of waiting."""
    with pytest.raises(EncodeError) as caught:
        outcome_bytes(Success(object()))
    arrived = decode_outcome(outcome_bytes(Failure(caught.value)))
    assert isinstance(arrived, Failure)
    assert type(arrived.error) is EncodeError
    assert str(arrived.error) == str(caught.value)


def test_a_call_that_is_to_be_timed_says_so_and_others_pay_nothing() -> None:
    """It is an option that an older worker ignores; without it not one byte is added."""
    assert not decode_call(encode_call(call(1))).timed
    message = decode_call(encode_call(call(1, timeout=2), timed=True))
    assert (message.timed, message.timeout) == (True, 2)


@pytest.mark.parametrize("kind", [Success, Failure])
def test_an_outcome_says_when_and_where_its_call_ran(kind: type[Success] | type[Failure]) -> None:
    """The times of the worker's side; its name and the attempt are those of the message."""
    outcome = kind(ValueError("x")) if kind is Failure else kind(5)
    assert decode_outcome(outcome_bytes(outcome)).ran is None
    ran = Ran(1_700_000_000_000.25, 12.5)
    timed = Failure(ValueError("x"), ran) if kind is Failure else Success(5, ran)
    arrived = decode_outcome(encode_outcome(timed, worker="host:1", attempt=2))
    assert arrived.ran == Ran(*ran[:2], "host:1", 2, failed=kind is Failure)


@pytest.mark.parametrize("times", [[1.0], [1, 2], [math.nan, 1.0], [1.0, -1.0], "12", {}])
def test_times_of_another_shape_are_none(times: object) -> None:
    """They may be a later version's; the outcome counts."""
    outcome = decode_outcome(msgpack.packb([1, 0, 5, "w", 1, times]))
    assert outcome == Success(5)
    assert isinstance(outcome, Success)
    assert outcome.ran is None


@pytest.mark.parametrize("timeout", [None, 0.25])
def test_a_trace_travels_behind_all_else(timeout: float | None) -> None:
    """Who knows nothing of traces reads the same call, and ignores what follows."""
    plain = encode_call(call(1, bytearray(b"x"), timeout=timeout))
    traced = with_traceparent(plain, TRACEPARENT)
    assert decode_call(traced) == decode_call(plain)._replace(traceparent=TRACEPARENT)
    timed = with_traceparent(encode_call(call(1, timeout=timeout), timed=True), TRACEPARENT)
    assert decode_call(timed)[-4:-1] == (None, True, TRACEPARENT)
    *known, added = msgpack.unpackb(traced)
    before = msgpack.unpackb(plain)
    assert (known, added) == ([*before, {}] if timeout is None else before, TRACEPARENT)


@pytest.mark.parametrize(("room", "expected"), [(57, ""), (58, TRACEPARENT)])
def test_a_call_that_has_no_room_for_a_trace_travels_without(room: int, expected: str) -> None:
    """It would be refused on the worker."""
    limits = Limits(max_bytes=4096)
    about = len(encode_call(call("x" * 3000))) - 3000
    traced = with_traceparent(encode_call(call("x" * (4096 - room - about))), TRACEPARENT, limits)
    assert decode_call(traced, limits).traceparent == expected


@pytest.mark.parametrize("added", ["more", TRACEPARENT + "0", TRACEPARENT.upper(), 5, None, {}])
def test_what_is_no_trace_is_ignored(added: object) -> None:
    """A call is never refused for how it is watched."""
    assert decode_call(msgpack.packb([1, "t", [1], {}, {}, added])) == Message("t", (1,), {})


def test_later_additions_are_ignored() -> None:
    """Items after the known ones, options and fields of other names."""
    message = [1, "t", [1], {}, {"priority": 9, "timeout": 2}, "more", {}]
    assert decode_call(msgpack.packb(message)) == Message("t", (1,), {}, 2)
    assert decode_outcome(msgpack.packb([1, 0, 5, "took", True])) == Success(5)
    assert decode_outcome(msgpack.packb([1, 2, "why"])) == Cancelled()
    record = {"class": "KeyError", "args": [5], "colour": "red"}
    failure = decode_outcome(msgpack.packb([1, 1, record, "w", 1, "more"]))
    assert isinstance(failure, Failure)
    assert failure.error.args == (5,)


RETRY = {"attempts": 3, "base_delay": 0.1, "max_delay": 2, "retry_on": ["OSError"], "jitter": 0}


@pytest.mark.parametrize(
    "message",
    [
        None,
        5,
        {},
        [],
        [1],
        [2, "t", [], {}],
        [True, "t", [], {}],
        [1.0, "t", [], {}],
        ["1", "t", [], {}],
        [-(10**15), "t", [], {}],
        [1, "t", []],
        [1, 5, [], {}],
        [1, "t", {}, {}],
        [1, "t", [], []],
        [1, "t", [], {5: 1}],
        [1, "t", [], {b"x": 1}],
        [1, "t", [], {}, []],
        [1, "t", [], {}, {"timeout": 0}],
        [1, "t", [], {}, {"timeout": -1}],
        [1, "t", [], {}, {"timeout": math.nan}],
        [1, "t", [], {}, {"timeout": True}],
        [1, "t", [], {}, {"timeout": "5"}],
        [1, "t", [], {}, {"retry": 5}],
        [1, "t", [], {}, {"retry": {}}],
        [1, "t", [], {}, {"retry": {**RETRY, "attempts": 0}}],
        [1, "t", [], {}, {"retry": {**RETRY, "attempts": True}}],
        [1, "t", [], {}, {"retry": {**RETRY, "base_delay": math.nan}}],
        [1, "t", [], {}, {"retry": {**RETRY, "max_delay": -1}}],
        [1, "t", [], {}, {"retry": {**RETRY, "jitter": None}}],
        [1, "t", [], {}, {"retry": {**RETRY, "retry_on": ["os.system"]}}],
        [1, "t", [], {}, {"retry": {**RETRY, "retry_on": ["SystemExit"]}}],
        [1, "t", [], {}, {"retry": {**RETRY, "retry_on": [5]}}],
    ],
    ids=lambda message: repr(message)[:60],
)
def test_calls_of_another_shape_are_refused(message: object) -> None:
    """A dead letter, not a surprise inside a worker."""
    with pytest.raises(DecodeError):
        decode_call(msgpack.packb(message))


@pytest.mark.parametrize(
    "message",
    [
        None,
        [1],
        [1, 0],
        [1, 3],
        [1, "0", 5],
        [2, 0, 5],
        [True, 0, 5],
        [1, False, 5],
        [1, 1],
        [1, 1, {}],
        [1, 1, {}, "w"],
        [1, 1, {}, 5, 1],
        [1, 1, {}, "w", "1"],
        [1, 1, {}, "w", True],
        [1, 1, [], "w", 1],
    ],
    ids=repr,
)
def test_outcomes_of_another_shape_are_refused(message: object) -> None:
    """The client raises one error that names the trouble."""
    with pytest.raises(DecodeError):
        decode_outcome(msgpack.packb(message))


def test_the_limits_hold_for_the_message_as_a_whole() -> None:
    """Many arguments are as heavy as one large one."""
    small = Limits(max_bytes=4096)
    with pytest.raises(PayloadTooLargeError):
        encode_call(call(*["x" * 100] * 50), small)
    with pytest.raises(DecodeError):
        decode_call(encode_call(call(*["x" * 100] * 50)), small)


golden_calls = {
    "call-plain": call("https://example.org/1"),
    "call-values": call(1, (2.5, None), {"k": [True, b"\x00"]}, ratio=1 + 2j),
    "call-overrides": call(
        7, timeout=1.5, retry=Retry(5, 0.5, 8.0, (ConnectionError, SlowDownError), 0.25)
    ),
}
golden_outcomes: dict[str, Outcome] = {
    "success": Success({"n": 2**70, "t": (1, (2,))}),
    "cancelled": Cancelled(),
    "failure-builtin": Failure(KeyError("missing", 5)),
    "failure-registered": Failure(SlowDownError("too many")),
    "failure-group": Failure(ExceptionGroup("two", [ValueError("a"), OSError(2, "no", "/f")])),
}


@pytest.mark.parametrize("name", golden_calls)
def test_calls_of_version_1_are_read_and_written_as_ever(name: str) -> None:
    """A worker of this release obeys a client of every release with this version."""
    written = (GOLDEN / name).read_bytes()
    expected = golden_calls[name]
    message = decode_call(written)
    assert (message.task, message.args, message.kwargs) == (
        expected.task,
        expected.args,
        expected.kwargs,
    )
    assert (message.timeout, message.retry) == (expected.timeout, expected.retry)
    assert encode_call(expected) == written


def test_a_traced_call_of_version_1_is_read_and_written_as_ever() -> None:
    """The plain one, and the trace behind it."""
    written = (GOLDEN / "call-traced").read_bytes()
    plain = (GOLDEN / "call-plain").read_bytes()
    assert decode_call(written) == decode_call(plain)._replace(traceparent=TRACEPARENT)
    assert with_traceparent(plain, TRACEPARENT) == written


@pytest.mark.parametrize("name", golden_outcomes)
def test_outcomes_of_version_1_are_read_and_written_as_ever(name: str) -> None:
    """A client of this release understands a worker of every release with this version."""
    written = (GOLDEN / name).read_bytes()
    expected = golden_outcomes[name]
    arrived = decode_outcome(written)
    if isinstance(expected, Failure):
        assert isinstance(arrived, Failure)
        assert repr(arrived.error) == repr(expected.error)
    else:
        assert arrived == expected
    assert outcome_bytes(expected) == written


def test_a_call_to_be_timed_of_version_1_is_read_and_written_as_ever() -> None:
    """A worker of this release times the calls of every release with this version."""
    written = (GOLDEN / "call-timed").read_bytes()
    asked = call(7, timeout=1.5)
    assert decode_call(written) == decode_call(encode_call(asked))._replace(timed=True)
    assert encode_call(asked, timed=True) == written


golden_timed: dict[str, Success | Failure] = {
    "success-timed": Success("ok", Ran(1_700_000_000_000.25, 12.5)),
    "failure-timed": Failure(KeyError("missing", 5), Ran(1_700_000_000_000.25, 12.5)),
}


@pytest.mark.parametrize("name", golden_timed)
def test_times_of_version_1_are_read_and_written_as_ever(name: str) -> None:
    """A client of this release understands the times of every release with this version."""
    written, expected = (GOLDEN / name).read_bytes(), golden_timed[name]
    arrived = decode_outcome(written)
    assert isinstance(arrived, type(expected))
    failed = isinstance(expected, Failure)
    assert arrived.ran == Ran(1_700_000_000_000.25, 12.5, "host:1", 2, failed=failed)
    assert encode_outcome(expected, worker="host:1", attempt=2) == written


golden_bytes = st.sampled_from(sorted(GOLDEN.iterdir())).map(Path.read_bytes)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=200), golden_bytes), st.data())
def test_damaged_messages_are_messages_or_decode_errors(raw: bytes, data: st.DataObject) -> None:
    """Whatever anybody writes to the server, a worker and a client live on."""
    payload = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(payload)))
        until = data.draw(st.integers(at, len(payload)))
        payload[at:until] = data.draw(st.binary(max_size=4))
    for decode in (decode_call, decode_outcome):
        with suppress(DecodeError):
            decode(bytes(payload))


def test_what_has_no_end_travels_as_that() -> None:
    """``with_options(timeout=inf)`` lifts a task's own timeout; a max_delay of inf is none."""
    retry = Retry(attempts=3, max_delay=math.inf)
    message = decode_call(encode_call(Call("t", (), {}, _never, math.inf, retry)))
    assert (message.timeout, message.retry) == (math.inf, retry)
    assert retry.delay_s(100) <= 1e9
