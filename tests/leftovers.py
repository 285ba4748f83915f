"""What a test may leave behind without noticing: in this process, below it, and on the server."""

import asyncio
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import cast

import redis

# Ends with a time of their own, whoever lives: dead letters, words to workers, kept outcomes, and
# totals of limiters that somebody set.
_ENDS_BY_ITSELF = re.compile(r":(dead|control|outcomes|limits|limit:[^:]+)$")

_LOOK = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  table.insert(found, {key, redis.call('PTTL', key)})
end
return found
"""


def here() -> set[str]:
    """The threads, open files and children of this process, as far as the system tells."""
    return _threads() | _open_files() | _children()


def _threads() -> set[str]:
    return {f"thread {one.name} {one.ident}" for one in threading.enumerate()}


def _open_files() -> set[str]:
    found = set()
    for link in _listed("/proc/self/fd", "*"):
        with suppress(OSError):
            found.add(f"file {link.name} {link.readlink()}")
    return {one for one in found if "/proc/" not in one}


def _children() -> set[str]:
    found: set[str] = set()
    for path in _listed("/proc/self/task", "*/children"):
        with suppress(OSError):  # a thread that has just ended
            found.update(f"child {pid}" for pid in path.read_text().split())
    return found


def _listed(directory: str, pattern: str) -> list[Path]:
    """Empty where there is no such directory, as on macOS."""
    return list(Path(directory).glob(pattern))


def unended_tasks() -> list[str]:
    """The tasks of this event loop, but for those of the test runner."""
    tasks = [str(task.get_coro()) for task in asyncio.all_tasks()]
    return [task for task in tasks if " TestRunner." not in task]


def ownerless_keys(url: str) -> list[str]:
    """Keys without a time to live, and those in namespaces that have no session to look after them.

    Then the server is empty again.
    """
    with redis.Redis.from_url(url) as server:
        rows = cast("list[tuple[bytes, int]]", server.eval(_LOOK, 0))
        server.flushall()
    ttl_ms = {key.decode(): left for key, left in rows}
    owned = {key.removesuffix(":sessions") for key in ttl_ms if key.endswith(":sessions")}
    return [
        key
        for key, left in ttl_ms.items()
        if left == -1
        or (key.partition("}:")[0] + "}" not in owned and not _ENDS_BY_ITSELF.search(key))
    ]
