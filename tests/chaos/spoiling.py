"""What somebody does who may write to the server and has no business there. Pure but for the keys.

Three kinds: members and fields that are none; keys of a wrong type; keys of jobs that are deleted,
which are then told to be lost. Nothing of it may end a process, or be the fault of a neighbour.
"""

from collections.abc import Sequence

from lionherd_dist.store.connection import Command
from lionherd_dist.store.keys import Keys

KEYS = Keys("chaos")
# Not places: where sessions is gone, too, nothing else names the keys of a session, which then stay
# for their time to live.
WRONG_TYPES = ("behind", "limits", "control", "names", "opened", "slots")
COSTLY_TYPES = ("due", "parked", "calls", "sessions")  # by which jobs are lost
PARTS = ("", ":backlog", ":hand")


def garbage(session: str) -> list[list[Command]]:
    """Each a deed of its own: what no part of this package would write."""
    prefix, inbox = KEYS.prefix, KEYS.inbox(session)
    return [
        [("ZADD", KEYS.due, 0, "garbage"), ("HSET", KEYS.parked, "garbage", "x")],
        [("ZADD", KEYS.due, 0, "nobody-1 x"), ("HSET", KEYS.parked, "nobody-1 x", "1 0 0 p")],
        [("SADD", prefix + "behind", "nobody-1")],
        [("SADD", KEYS.limits, "api:queue")],
        [("XADD", KEYS.control, "*", "cancel", "nobody-1"), ("XADD", KEYS.control, "*", "x", "")],
        [("XADD", KEYS.calls, "*", "c", "x-1 9007199254740992 1 0 0", "p", "a", "p", "a")],
        [("XADD", KEYS.calls, "*", "junk", "\x1b]0;junk\x07")],
        [("HSET", KEYS.slots, "nobody", "12abc"), ("HSET", KEYS.names, "nobody", b"\xff")],
        [("HSET", KEYS.opened, "nobody", "9" * 400)],
        [("ZADD", KEYS.sessions, 1, "nobody")],
        [("ZADD", KEYS.kept, 5, "nobody-7")],
        [("XADD", inbox, "NOMKSTREAM", "*", "l", "api", "abc", "def")],
        [("XADD", inbox, "NOMKSTREAM", "*", "j", "nobody-1", "9" * 400, "x")],
    ]


def of_wrong_type(names: Sequence[str]) -> list[list[Command]]:
    """Each a deed of its own."""
    keys = [KEYS.prefix + name for name in names]
    return [[("DEL", key), ("SET", key, "x"), ("PEXPIRE", key, 600_000)] for key in keys]


def deletions(jobs: Sequence[str]) -> list[list[Command]]:
    """Each a deed of its own; *jobs* are names of hashes."""
    return [[("DEL", job + part)] for job in jobs for part in PARTS]
