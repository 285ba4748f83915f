"""Tokens that were lost while somebody held them: counted, and logged."""

import logging

from lionherd_dist.logs import note
from lionherd_dist.telemetry import LEASES_LOST, Recorder


def tell_loss(recorder: Recorder, limiter: str, count: int, reason: str) -> None:
    """*count* tokens of *limiter* were lost at once, for *reason*."""
    if count:
        recorder.record(LEASES_LOST, count, limiter)
        note(logging.WARNING, "limiter tokens lost", limiter=limiter, count=count, reason=reason)
