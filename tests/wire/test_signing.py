"""Signatures: for one key, one message, one place, and nothing else."""

from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from lionherd_dist.call import Success
from lionherd_dist.errors import DecodeError, SignatureError
from lionherd_dist.task import task
from lionherd_dist.wire.limits import DEFAULT_LIMITS
from lionherd_dist.wire.messages import decode_call, decode_outcome, encode_call, encode_outcome
from lionherd_dist.wire.signing import Kind, Seal, unsigned

GOLDEN = Path(__file__).parent / "golden"
KEY, OTHER = "k" * 32, "o" * 32
SEAL = Seal([KEY], "default")


@task(name="tests:pay")
def pay(amount: int) -> int:
    return amount


@task(name="tests:refund")
def refund(amount: int) -> int:
    return -amount


CALL = encode_call(pay.call(5))
SIGNED = SEAL.signed("call", CALL, "J-1", 7)


def refused(seal: Seal, data: bytes, kind: Kind = "call", job: str = "J-1", index: int = 7) -> str:
    with pytest.raises(SignatureError) as caught:
        seal.opened(kind, data, job, index)
    return str(caught.value)


def test_what_was_signed_is_opened_in_its_place() -> None:
    """And is what it was."""
    assert SEAL.opened("call", SIGNED, "J-1", 7) == CALL


def test_any_number_of_jobs_is_signed_in_bounded_memory() -> None:
    """What is kept for a job is made anew when it was dropped, and is the same."""
    seal = Seal([OTHER, KEY], "default")
    for number in range(2_500):
        seal.opened("call", SEAL.signed("call", CALL, f"J-{number}", 7), f"J-{number}", 7)
    assert seal.opened("call", SIGNED, "J-1", 7) == CALL
    assert len(seal._of["call"]) <= 1_000
    refused(seal, SIGNED, job="J-2")


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_is_refused(at: int, flipped: int) -> None:
    """In the head, in the tag, in the task's name, in its arguments."""
    changed = bytearray(SIGNED)
    changed[at] ^= flipped
    refused(SEAL, bytes(changed))


@given(st.binary(max_size=40), st.integers(0, len(SIGNED)))
def test_what_is_cut_or_longer_is_refused(more: bytes, kept: int) -> None:
    """A tag covers the whole message."""
    data = SIGNED[:kept] + more
    if data != SIGNED:
        refused(SEAL, data)


@given(st.binary(max_size=200))
def test_whatever_else_is_there_is_refused(data: bytes) -> None:
    """With SignatureError, which is a DecodeError, and nothing else."""
    refused(SEAL, data)
    assert issubclass(SignatureError, DecodeError)


@pytest.mark.parametrize(
    ("namespace", "kind", "job", "index"),
    [
        ("other", "call", "J-1", 7),
        ("default", "outcome", "J-1", 7),
        ("default", "call", "J-2", 7),
        ("default", "call", "J-1", 8),
        ("default", "call", "", 7),
    ],
)
def test_a_message_is_good_for_one_place_only(
    namespace: str, kind: Kind, job: str, index: int
) -> None:
    """Not in another namespace, job or index, and a call is no outcome."""
    message = refused(Seal([KEY], namespace), SIGNED, kind, job, index)
    assert "moved here from another place" in message


def test_no_two_places_read_alike() -> None:
    """A job, an index and a message that run together otherwise are still another place."""
    places = [("J", 1, b"2 x"), ("J 1", 2, b"x"), ("J 1 2", 3, b""), ("", 1, b"J 1 2 x")]
    places += [("1 J", 2, b"x"), ("J", 12, b"x"), ("J1", 2, b"x"), ("J", 1, b"2x")]
    tags = {SEAL.signed("call", message, job, index)[4:20] for job, index, message in places}
    assert len(tags) == len(places)


def test_a_signature_is_none_for_another_task() -> None:
    """The name of the task is covered."""
    forged = SIGNED[:20] + encode_call(refund.call(5))
    assert "wrong signature" in refused(SEAL, forged)


def test_a_wrong_key_is_refused() -> None:
    """Also where several are accepted."""
    assert "not accepted" in refused(Seal([OTHER], "default"), SIGNED)
    refused(Seal([OTHER, "x" * 32], "default"), SIGNED)


def test_a_new_key_is_introduced_without_a_moment_of_refusal() -> None:
    """Old; old and new; new and old; new: neighbours on this way understand each other."""
    way = [[OTHER], [OTHER, KEY], [KEY, OTHER], [KEY]]
    for one, next_ in pairwise(way):
        for signer, checker in [(one, next_), (next_, one)]:
            data = Seal(signer, "default").signed("call", CALL, "J-1", 7)
            assert Seal(checker, "default").opened("call", data, "J-1", 7) == CALL
    assert Seal([KEY, OTHER], "default").signed("call", CALL, "J-1", 7) == SIGNED


def test_unsigned_ones_are_refused_where_there_is_a_key() -> None:
    """Calls and outcomes."""
    assert "the call is not signed" in refused(SEAL, CALL)
    assert "the outcome is not signed" in refused(SEAL, CALL, "outcome")


def test_without_a_key_signed_calls_are_refused_and_signed_outcomes_read() -> None:
    """Nobody checks them, so a call would have effects that its client cannot trust."""
    keyless = Seal([], "default")
    outcome = SEAL.signed("outcome", b"\x93\x01\x00\x05", "J-1", 7)
    assert not keyless.signs
    assert keyless.signed("call", CALL, "J-1", 7) == CALL
    assert keyless.opened("call", CALL, "J-1", 7) == CALL
    assert "this process has no key" in refused(keyless, SIGNED)
    assert decode_outcome(keyless.opened("outcome", outcome, "J-1", 7)) == Success(5)


def test_what_is_too_large_is_refused_without_reading_it() -> None:
    """Nobody keeps a worker busy with sums over half a gigabyte."""
    largest = b"\x00" * DEFAULT_LIMITS.max_bytes
    assert SEAL.opened("call", SEAL.signed("call", largest, "J", 0), "J", 0) == largest
    data = SEAL.signed("call", largest + b"\x00", "J-1", 7)
    assert "too large" in refused(SEAL, data)


def test_a_process_that_knows_no_signatures_says_which_version_it_lacks() -> None:
    """To an earlier release, a signed call is a message of version 2, not a riddle."""
    with pytest.raises(DecodeError, match="a message of version 2"):
        decode_call(SIGNED)


def test_a_key_is_shown_by_nothing() -> None:
    """No repr, no refusal."""
    shown = [repr(SEAL), str(vars(SEAL)), refused(SEAL, CALL), refused(SEAL, SIGNED[:-1])]
    assert not [text for text in shown if KEY in text]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("signed-call", "call", CALL),
        ("signed-outcome", "outcome", encode_outcome(Success(5), worker="w", attempt=1)),
    ],
)
def test_signed_messages_are_read_and_written_as_ever(
    name: str, kind: Kind, message: bytes
) -> None:
    """Releases that are upgraded one after the other accept each other's signatures."""
    written = (GOLDEN / name).read_bytes()
    assert SEAL.opened(kind, written, "J-1", 7) == message
    assert SEAL.signed(kind, message, "J-1", 7) == written
    assert unsigned(written) == message == unsigned(message)
