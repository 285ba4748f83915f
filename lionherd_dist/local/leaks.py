"""A debugging aid: which of the tracked objects are still alive."""

import time
import weakref
from dataclasses import dataclass

from lionherd_dist.arguments import shown


@dataclass(frozen=True, slots=True)
class LeakInfo:
    """A tracked object that is alive; *created_at* is in seconds since the epoch."""

    name: str
    kind: str | None
    created_at: float


class LeakTracker:
    """Objects that are tracked until they are untracked or collected, seen through weak references.

    Without a lock: a finalizer may run in the middle of any method, in the same thread, and every
    step is one atomic operation on a dict.
    """

    def __init__(self) -> None:
        self._live: dict[int, LeakInfo] = {}

    def track(self, obj: object, *, name: str | None, kind: str | None) -> None:
        """Track *obj*; TypeError if it cannot be weakly referenced."""
        key = id(obj)
        info = LeakInfo(name=name or f"obj-{key}", kind=kind, created_at=time.time())
        weakref.finalize(obj, self._live.pop, key, None).atexit = False
        self._live[key] = info

    def untrack(self, obj: object) -> None:
        """Forget *obj*, tracked or not."""
        self._live.pop(id(obj), None)

    def live(self) -> list[LeakInfo]:
        """What is tracked and alive, oldest first."""
        return list(self._live.copy().values())

    def clear(self) -> None:
        """Forget everything."""
        self._live.clear()


_TRACKER = LeakTracker()


def track_resource(obj: object, name: str | None = None, kind: str | None = None) -> None:
    """Track *obj* in the tracker of this process."""
    try:
        weakref.ref(obj)
    except TypeError:
        raise TypeError(
            f"obj is {shown(obj)}: a {type(obj).__name__} cannot be referenced weakly, and so not "
            "tracked; track the object that owns it"
        ) from None
    _TRACKER.track(obj, name=name, kind=kind)


def untrack_resource(obj: object) -> None:
    """Forget *obj* in the tracker of this process."""
    _TRACKER.untrack(obj)
