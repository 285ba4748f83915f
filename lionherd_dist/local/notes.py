"""Notes on failures, which say what failed: shown at the end of a traceback."""

from contextlib import suppress
from types import CoroutineType

from lionherd_dist.arguments import shown
from lionherd_dist.natives import note_on

MOST_NOTES = 16  # an exception object that is raised again and again does not grow for ever


def note_item(pattern: str, index: int, item: object, error: BaseException) -> None:
    """Note on *error* that *item*, number *index* of those given to *pattern*, ended in it."""
    kind = "item" if pattern == "bounded_map" else "awaitable"
    name = item.__qualname__ if isinstance(item, CoroutineType) else shown(item)
    with suppress(Exception):  # an exception class may refuse attributes: it is raised as it is
        note = f"in {kind} {index} of {pattern}, counted from 0: {name}"
        notes = getattr(error, "__notes__", ())
        if note not in notes and len(notes) < MOST_NOTES:
            note_on(error, note)
