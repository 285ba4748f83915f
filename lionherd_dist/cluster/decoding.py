"""An outcome as it arrived, made readable, whatever arrived."""

from lionherd_dist.call import Failure, Outcome
from lionherd_dist.errors import DecodeError, SignatureError
from lionherd_dist.wire.messages import decode_outcome, encode_outcome
from lionherd_dist.wire.signing import Seal


def place_note(index: int) -> str:
    """What a failure says of the place that its call has in the job."""
    return f"in call {index} of the job, counted from 0"


def outcome_of(arrived: bytes | Exception) -> Outcome:
    """The outcome in *arrived*: its bytes, or the error of a call that could not be sent."""
    if isinstance(arrived, Exception):
        return Failure(arrived)
    try:
        return decode_outcome(arrived)
    except DecodeError as error:
        return Failure(error)


def opened(data: bytes, seal: Seal, job: str, index: int) -> bytes:
    """The encoded outcome in *data*, which arrived for the call at *index* of *job*.

    One that is refused stands there as a failure of its call, encoded as any other: it took its
    place in what the server counts, and nobody knows whether a better one will come.
    """
    try:
        return seal.opened("outcome", data, job, index)
    except SignatureError as error:
        return encode_outcome(Failure(error), worker="", attempt=0)
