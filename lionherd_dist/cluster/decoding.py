"""An outcome as it arrived, made readable, whatever arrived."""

from lionherd_dist.call import Failure, Outcome
from lionherd_dist.errors import DecodeError
from lionherd_dist.wire.messages import decode_outcome


def outcome_of(arrived: bytes | Exception) -> Outcome:
    """The outcome in *arrived*: its bytes, or the error of a call that could not be sent."""
    if isinstance(arrived, Exception):
        return Failure(arrived)
    try:
        return decode_outcome(arrived)
    except DecodeError as error:
        return Failure(error)
