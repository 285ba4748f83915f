"""A session that was lost: counted, and logged."""

import logging

from lionherd_dist.logs import note
from lionherd_dist.telemetry import SESSIONS_LOST, Recorder


def tell_lost(recorder: Recorder, session: str, reason: str) -> None:
    """*session* of this process is over, for *reason*."""
    recorder.record(SESSIONS_LOST)
    note(logging.WARNING, "session lost", session=session, reason=reason)
