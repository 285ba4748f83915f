"""All numbers with their unit and default, checked where they come in."""

import re
from dataclasses import dataclass

_NAMESPACE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def check_namespace(namespace: str) -> None:
    """Refuse a namespace that could not stand inside a key."""
    if not _NAMESPACE.fullmatch(namespace):
        raise ValueError(f"namespace {namespace!r}: use 1 to 64 of A-Z a-z 0-9 _ . -")


@dataclass(frozen=True, slots=True)
class Settings:
    """How one process takes part in a namespace.

    Args:
        namespace: what separates independent clusters on one server.
        session_s: seconds after which a process that no longer renews its session is held dead.
        stall_limit_s: seconds for which the event loop may stand still before the process gives its
            session up; None to renew it however long one function blocks.
        patience_s: seconds for which requests to a server that does not answer are sent again.
        cancel_wait_s: seconds that leaving a pattern early waits for the workers to stop.
        unread_cap: outcomes of a job that may wait for its consumer; then nothing is released.
        ahead: calls of a job that may be submitted and not finished; bounds what Redis holds.
        ahead_bytes: the same in bytes, for large calls.
        fresh_server: True if the server has no earlier life, in which somebody may have held a
            token of a limiter: then a limiter lends at once on a server that has just started. A
            LocalCluster sets it for its own server.
    """

    namespace: str = "default"
    session_s: float = 15.0
    stall_limit_s: float | None = 150.0
    patience_s: float = 30.0
    cancel_wait_s: float = 10.0
    unread_cap: int = 2_000
    ahead: int = 4_000
    ahead_bytes: int = 16 * 1024 * 1024
    fresh_server: bool = False

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        if self.session_s < 1:
            raise ValueError(f"session_s is {self.session_s}: a session lasts at least 1 second")
        for name in ("patience_s", "cancel_wait_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: give seconds, 0 or more")
        for name in ("unread_cap", "ahead", "ahead_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give at least 1")

    @property
    def session_ms(self) -> int:
        """The session's length as the server counts it."""
        return int(self.session_s * 1000)
