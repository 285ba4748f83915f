"""One thing that ``doctor`` looked at, and what it came to."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "advice", "act", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Args:
        verdict: ``ok``; ``advice``: it works, and could be better; ``act``: something is wrong;
            ``unknown``: it could not be looked at.
        about: what was looked at, in a word or two.
        text: how it is.
        remedy: what to do about it, unless it is ok.
    """

    verdict: Verdict
    about: str
    text: str
    remedy: str = ""
