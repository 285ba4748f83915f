"""What every call does and must give, known from its name alone. Pure, and without the library."""

import hashlib
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["plain", "thread", "failing", "stumbling", "poison"]

POISON_INDEX = 13


def root_of(label: str) -> str:
    """The job as it was first sent: ``stream.3`` of ``stream.3+1``, which sent the rest again."""
    return label.partition("+")[0]


def _digest(label: str, index: int) -> bytes:
    return hashlib.blake2b(f"{root_of(label)}:{index}".encode(), digest_size=8).digest()


def answer(label: str, index: int) -> str:
    """The one right result of call *index* of job *label*; the message of one that fails."""
    return _digest(label, index).hex()


def wait_s(label: str, index: int) -> float:
    """How long the call takes, in seconds: 5 to 100 milliseconds; in a row, 1 at most."""
    share = _digest(label, index)[0] / 255
    return share * 0.001 if label.startswith("row.") else 0.005 + share * 0.095


def kind_of(label: str, index: int, *, poisoned: bool) -> Kind:
    """What the call does: one in twenty stumbles once and is tried again, one in twenty fails."""
    if poisoned and index == POISON_INDEX:
        return "poison"
    match _digest(label, index)[1] % 20:
        case 0:
            return "failing"
        case 1:
            return "stumbling"
        case 2 | 3:
            return "thread"
    return "plain"


def expected(label: str, index: int, *, poisoned: bool) -> tuple[str, str]:
    """The outcome that a client must be given, as it notes it."""
    match kind_of(label, index, poisoned=poisoned):
        case "poison":
            return "PoisonTaskError", ""
        case "failing":
            return "ValueError", answer(label, index)
        case _:
            return "ok", answer(label, index)
