"""Structured logs: an event's name and facts about it, through the logger ``lionherd_dist``.

Facts are ids, counts, names of tasks, classes and messages of errors that tasks raised, and our own
reasons. Arguments and results stay out, so no log can tell them unless an error's message does.
"""

import datetime as dt
import json
import logging
import sys
from typing import Literal

from lionherd_dist.printable import printable

Format = Literal["json", "text"]
Level = Literal["debug", "info", "warning", "error"]

_logger = logging.getLogger("lionherd_dist")  # where no handler is, Python prints its warnings


def is_logged(level: int) -> bool:
    """True if events of *level* go anywhere."""
    return _logger.isEnabledFor(level)


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


def log_to_stderr(format_: Format, level: Level = "info") -> None:
    """Write the logs of this package, from *level* up, to standard error; to nowhere else then."""
    handler = logging.StreamHandler(sys.stderr)
    if format_ == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _logger.addHandler(handler)
    _logger.setLevel(level.upper())
    _logger.propagate = False


def log_as_asked(format_: Format | None, level: Level | None) -> None:
    """What a worker logs: warnings as text, unless a format or a level is asked for.

    A format alone asks for INFO, too; a level alone for text.
    """
    log_to_stderr(format_ or "text", level or ("warning" if format_ is None else "info"))
