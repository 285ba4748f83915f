"""The log of the package while a command shows a run: what people are to hear of is said there."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from lionherd_dist.cli.progress import View
from lionherd_dist.cluster.no_worker import EVENT


class _Said(logging.Handler):
    def __init__(self, view: View) -> None:
        super().__init__(logging.WARNING)
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "event", "") == EVENT:
            facts: dict[str, object] = getattr(record, "facts", {})
            self._view.say(f"No result in {facts['waited_s']} s: {facts['reason']}.")


@contextmanager
def log_said_on(view: View) -> Iterator[None]:
    """Say on *view* that no worker is there, where the log tells so."""
    logger, handler = logging.getLogger("lionherd_dist"), _Said(view)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
