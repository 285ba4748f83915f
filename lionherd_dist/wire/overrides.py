"""What a call sets for itself: a timeout, a Retry as a dict of its fields, and to be timed."""

import math

from lionherd_dist.arguments import MOST_WHOLE
from lionherd_dist.call import Retry
from lionherd_dist.errors import DecodeError, EncodeError
from lionherd_dist.wire.classes import find, qualified_name, reference


def overrides_of(timeout: float | None, retry: Retry | None, *, timed: bool) -> dict[str, object]:
    """What is set of these, as plain values.

    Raises:
        EncodeError: a class in ``retry_on`` is neither builtin, nor ours, nor registered.
    """
    options: dict[str, object] = {}
    if timeout is not None:
        options["timeout"] = timeout
    if retry is not None:
        options["retry"] = {
            "attempts": retry.attempts,
            "base_delay": retry.base_delay,
            "max_delay": retry.max_delay,
            "retry_on": [_name_of(cls) for cls in retry.retry_on],
            "jitter": retry.jitter,
        }
    if timed:
        options["timed"] = True
    return options


def overrides_from(options: object) -> tuple[float | None, Retry | None, bool]:
    """The timeout (seconds), the Retry and the wish to be timed that *options* were made of.

    Raises:
        DecodeError: they are no such options, or name a class that is not registered here.
    """
    if type(options) is not dict:
        raise DecodeError(f"options that are {type(options).__name__}, not dict")
    timeout, retry = options.get("timeout"), options.get("retry")
    if timeout is not None and _seconds(timeout) <= 0:
        raise DecodeError("a timeout that is not above 0")
    timed = options.get("timed") is True
    return timeout, None if retry is None else _retry_from(retry), timed


def _retry_from(fields: object) -> Retry:
    match fields:
        case {
            "attempts": int(attempts),
            "base_delay": base_delay,
            "max_delay": max_delay,
            "retry_on": list(names),
            "jitter": jitter,
        } if type(attempts) is int:  # not a bool
            try:
                return Retry(
                    attempts,
                    _seconds(base_delay),
                    _seconds(max_delay),
                    tuple(map(_class_of, names)),
                    _seconds(jitter),
                )
            except (TypeError, ValueError) as error:  # DecodeError is one too
                raise DecodeError(f"a retry that cannot be: {error}") from error
        case _:
            raise DecodeError("a retry without all of its fields, or with one of another type")


def _seconds(value: object) -> float:
    # Infinity is a timeout that is none, and a max_delay that is none.
    if type(value) is int and abs(value) > MOST_WHOLE:  # too large for a float, perhaps
        raise DecodeError("a number of seconds that is none")
    if type(value) not in {int, float} or math.isnan(value):  # type: ignore[arg-type]  # a number
        raise DecodeError(f"a number of seconds was expected, and this is {type(value).__name__}")
    return value  # type: ignore[return-value]  # a number, see above


def _name_of(cls: type[Exception]) -> str:
    name = reference(cls)
    if name is None:
        raise EncodeError(
            f"retry_on: {qualified_name(cls)} has no name on the wire: register it with "
            "sendable(...) here and on the workers, or give the retry to @task, where it stays"
        )
    return name


def _class_of(name: object) -> type[Exception]:
    cls = find(name) if type(name) is str else None
    if cls is None:
        shown = name[:200] if type(name) is str else type(name).__name__
        raise DecodeError(f"retry_on names {shown!r}, which is not registered here")
    return cls
