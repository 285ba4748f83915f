"""The Lua scripts of this package: one verb, one file, with a header that a test checks."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files

_USES = re.compile(r"^-- USES (\w+)$", re.MULTILINE)
_LATER = re.compile(r"^-- LATER (\w+)$", re.MULTILINE)


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


def _later(name: str, there: Collection[str]) -> str:
    """*name* as a function, with what it needs beyond the preludes that are *there*, inside it.

    A script's functions are made anew at each of its runs: these only where it is called.
    """
    inside = (one for one in [*_needed(name), name] if one not in there)
    return "\n".join([f"local function {name}(house)", *map(_source, inside), "end\n"])


def load(name: str) -> Script:
    """The script *name*, with the clock and the preludes that its header names before it."""
    parts = ["_now", *_needed(name), name]
    sources = map(_source, parts)
    text = "\n".join(
        "".join(_later(later, parts) for later in _LATER.findall(source)) + source
        for source in sources
    )
    return Script(name, text, hashlib.sha1(text.encode()).hexdigest())  # noqa: S324 (Redis's own)


SUBMIT = load("submit")
FINISH = load("finish")
CANCEL = load("cancel")
PROMOTE = load("promote")
HELLO = load("hello")
BEAT = load("beat")
QUIT = load("quit")
REAP = load("reap")
DIED = load("died")
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
CHECK = load("check")
SET_ASIDE = load("set_aside")
ALL = (
    *(SUBMIT, FINISH, CANCEL, PROMOTE, HELLO, BEAT, QUIT),
    *(REAP, DIED, ALONE, BURY, ATTACH, ADVANCE, DETACH, REVIVE),
    *(LEND, LEAVE, RESIZE, TEND, CHECK, SET_ASIDE),
)
