"""The log of the package while a command shows a run: what people are to hear of is said there."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from lionherd_dist.cli.progress import View
from lionherd_dist.cluster import attached, no_worker


class _Said(logging.Handler):
    def __init__(self, view: View) -> None:
        super().__init__(logging.WARNING)
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, object] = getattr(record, "facts", {})
        match getattr(record, "event", ""):
            case no_worker.EVENT:
                self._view.say(f"No result in {facts['waited_s']} s: {facts['reason']}.")
            case attached.WAITS:
                self._view.say(
                    f"Job {facts['job']} is held by the session of another reader, "
                    f"{facts['reader']}. Waiting up to {facts['wait_s']} s for it to end, as it "
                    "does where that reader was killed."
                )


@contextmanager
def log_said_on(view: View) -> Iterator[None]:
    """Say on *view* what the log tells of a wait: for a worker, or for another reader."""
    logger, handler = logging.getLogger("lionherd_dist"), _Said(view)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
