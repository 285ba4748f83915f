"""Structured logs: an event's name and facts about it, through the logger ``lionherd_dist``.

Facts are ids, counts, names of tasks and of error classes, and our own reasons. Never what users
send or get: arguments, results and messages of errors stay out, so no log can tell them.
"""

import datetime as dt
import json
import logging
import sys
from typing import Literal

from lionherd_dist.printable import printable

Format = Literal["json", "text"]

_logger = logging.getLogger("lionherd_dist")
_logger.addHandler(logging.NullHandler())  # or Python prints warnings where nobody wants logs


def note(level: int, event: str, **facts: str | int) -> None:
    """Log *event*; text among *facts* is written on one line, without control characters."""
    if not _logger.isEnabledFor(level):
        return
    shown = {name: _shown(fact) for name, fact in facts.items()}
    told = "".join(f" {name}={fact!r}" for name, fact in shown.items())
    _logger.log(level, "%s", event + told, extra={"event": event, "facts": shown}, stacklevel=2)


def _shown(fact: str | int) -> str | int:
    return printable(fact) if isinstance(fact, str) else fact


class JsonLines(logging.Formatter):
    """One object a line: time (UTC), level, logger, event, and the facts under their own names."""

    def format(self, record: logging.LogRecord) -> str:
        """*record* as JSON, in ASCII."""
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        head = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", None) or printable(record.getMessage()),
        }
        return json.dumps({**getattr(record, "facts", {}), **head})


def log_to_stderr(format_: Format) -> None:
    """Write the logs of this package, from INFO up, to standard error; to nowhere else then."""
    handler = logging.StreamHandler(sys.stderr)
    if format_ == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _logger.addHandler(handler)
    _logger.setLevel(logging.INFO)
    _logger.propagate = False
