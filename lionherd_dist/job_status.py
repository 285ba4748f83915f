"""Where a submitted job stands, for the program that waits for it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

JobState: TypeAlias = Literal["sending", "running", "held back", "stopping", "done", "unreadable"]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job at one moment, as the server knows it.

    Args:
        id: what ``submit`` returned.
        state: ``"sending"``: its calls are not all there yet; ``"running"``; ``"held back"``: its
            reader has read too little; ``"stopping"``: it was cancelled, and its last calls are
            being stopped; ``"done"``: every call has its outcome; ``"unreadable"``: the server
            holds numbers of it that are none, and it is about to end in ``JobLostError``.
        tasks: the names of its tasks.
        label: the name that it was submitted with, or "".
        done: calls that have an outcome, failures included.
        failed: how many of them failed.
        total: calls that it has in all; None while they are still being sent.
        rate: calls done per second since it was submitted; None where that is not known, and once
            all are done.
    """

    id: str
    state: JobState
    tasks: tuple[str, ...]
    label: str
    done: int
    failed: int
    total: int | None
    rate: float | None
