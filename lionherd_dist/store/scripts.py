"""The Lua scripts of this package: one verb, one file, with a header that a test checks."""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

_USES = re.compile(r"^-- USES (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A script as the server gets it: preludes first."""

    name: str
    text: str
    sha: str


def _source(name: str) -> str:
    return files("lionherd_dist.store").joinpath("lua", f"{name}.lua").read_text()


def _needed(name: str) -> list[str]:
    """What *name* uses, directly or not, in an order in which each comes after what it uses."""
    found: dict[str, None] = {}
    for used in _USES.findall(_source(name)):
        found.update(dict.fromkeys([*_needed(used), used]))
    return list(found)


def load(name: str) -> Script:
    """The script *name*, with the clock and the preludes that its header names before it."""
    text = "\n".join(map(_source, ["_now", *_needed(name), name]))
    return Script(name, text, hashlib.sha1(text.encode()).hexdigest())  # noqa: S324 (Redis's own)


SUBMIT = load("submit")
FINISH = load("finish")
CANCEL = load("cancel")
PROMOTE = load("promote")
HELLO = load("hello")
BEAT = load("beat")
QUIT = load("quit")
REAP = load("reap")
ALONE = load("alone")
BURY = load("bury")
ATTACH = load("attach")
ADVANCE = load("advance")
DETACH = load("detach")
LEND = load("lend")
LEAVE = load("leave")
RESIZE = load("resize")
TEND = load("tend")
REVIVE = load("revive")
ALL = (
    *(SUBMIT, FINISH, CANCEL, PROMOTE, HELLO, BEAT, QUIT),
    *(REAP, ALONE, BURY, ATTACH, ADVANCE, DETACH, REVIVE),
    *(LEND, LEAVE, RESIZE, TEND),
)
