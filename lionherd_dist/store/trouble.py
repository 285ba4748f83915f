"""What went wrong at the server, in this package's own errors: mapped once, here. Pure."""

import ssl

from redis import exceptions as redis_errors

from lionherd_dist.errors import (
    BackpressureError,
    LionherdError,
    ScriptsMissingError,
    StoreDamagedError,
    StoreRefusedError,
    StoreUnavailableError,
)
from lionherd_dist.printable import printable
from lionherd_dist.store.mending import Damage, damage_of

# UNBLOCKED: the server lost its data; the session is soon found lost, and begun anew.
_PASSING = (
    "UNBLOCKED",
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "BUSY ",
)
MOST_SAID = 1_000  # characters of an answer
_FULL = ("OOM ", "NOREPLICAS", "MISCONF")

_MAY_NOT_LOAD = "'script|load'"  # in what a server says of rights; scripts themselves cannot ask it

_ELSEWHERE = ("MOVED ", "ASK ", "TRYAGAIN ")  # as some versions of redis-py leave them; others do
_ELSEWHERE_ERRORS = (redis_errors.AskError, redis_errors.TryAgainError)  # this; MovedError is one


def translate(error: Exception, address: str) -> LionherdError:
    """The error of ours for *error*: one that passes, or one that stays until settings change."""
    refusal = error.__cause__  # of a handshake: redis-py wraps it, and it may be one that stays
    if isinstance(refusal, redis_errors.AuthenticationError | redis_errors.ResponseError):
        error = refusal
    # A sentence of ours goes on, on a terminal perhaps: a server may answer anything.
    text = printable(str(error), MOST_SAID).rstrip(".") or type(error).__name__
    if isinstance(error.__context__, ssl.SSLCertVerificationError):
        return StoreRefusedError(f"{address} is not trusted: {error.__context__.verify_message}")
    if isinstance(error, _ELSEWHERE_ERRORS) or text.startswith(_ELSEWHERE):
        return StoreUnavailableError(
            f"{address} leaves this to another node of its cluster: {text}. The URL of a cluster "
            "begins with redis+cluster:// or rediss+cluster://"
        )
    match error:
        case redis_errors.NoPermissionError() if _MAY_NOT_LOAD in text:
            return ScriptsMissingError(
                f"{address} does not know all scripts of this release, and this user may not load "
                "them: run `lionherd-dist scripts load` as an operator whose user may"
            )
        case redis_errors.AuthenticationError() | redis_errors.NoPermissionError():
            return StoreRefusedError(
                f"{address} refused us: {text}. Check the user, the password and its rights"
            )
        case redis_errors.ConnectionError() | redis_errors.TimeoutError() | OSError():
            return StoreUnavailableError(f"{address} does not answer: {text}")
        case redis_errors.OutOfMemoryError():
            return BackpressureError(f"{address} takes no more: {text}")
        case redis_errors.ResponseError() if text.startswith(_FULL) or "OOM " in text:
            return BackpressureError(f"{address} takes no more: {text}")
        case (
            redis_errors.ReadOnlyError()
            | redis_errors.ClusterDownError()  # and MasterDownError, which is one
            | redis_errors.NoScriptError()  # forgotten again between being told and being run
        ):
            return StoreUnavailableError(f"{address} cannot take this now: {text}")
        case redis_errors.ResponseError() if damage_of(error) is not Damage.NONE:
            return StoreDamagedError(
                f"{address} holds something that this package did not write: {text}. "
                "`lionherd-dist doctor` looks for it"
            )
        case redis_errors.ResponseError() if text.startswith(_PASSING):
            return StoreUnavailableError(f"{address} cannot take this now: {text}")
        case _:
            return StoreRefusedError(f"{address} refused the request: {text}")
