"""Guarantees broken on purpose, in this process alone, to show that the referee notices."""

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from lionherd_dist.store.scripts import Script


@dataclass(frozen=True, slots=True)
class Break:
    """Script *script* with each *old* text replaced by the *new* one beside it."""

    script: str
    changes: tuple[tuple[str, str], ...]


_RELEASE = (("job.limit > 0 and job.limit or window", "job.limit > 0 and 3 * job.limit or window"),)
BREAKS: dict[str, tuple[Break, ...]] = {
    "finish-without-hand-check": (  # nor a look at the session: a zombie's word counts
        Break(
            "FINISH",
            (
                ("if held[k] ~= entry and running ~= entry then", "if false then"),
                ("or 0) <= now then return {} end", "or 0) < 0 then return {} end"),
            ),
        ),
    ),
    "limit": (Break("FINISH", _RELEASE), Break("SUBMIT", _RELEASE)),
    "forgotten-place": (
        Break(
            "ADVANCE",
            (("redis.call('XDEL', job.inbox, entry) == 1", "true"),),
        ),
    ),
    "dropped-calls": (
        Break("REAP", (("hand_out(keys.calls, job_key, index, header, payloads[at])", ""),)),
    ),
}


def break_guarantee(name: str) -> None:
    """Break what *name* says."""
    put_in_place(BREAKS[name])


def put_in_place(breaks: Iterable[Break]) -> None:
    """Put the mutated scripts wherever the library's store holds the true ones."""
    for one in breaks:
        modules = [m for n, m in sys.modules.items() if n.startswith("lionherd_dist.store")]
        holders = [module for module in modules if hasattr(module, one.script)]
        for module in holders:
            script: Script = getattr(module, one.script)
            setattr(module, one.script, mutated(script, one.changes))


def mutated(script: Script, changes: tuple[tuple[str, str], ...]) -> Script:
    """*script* with the *changes*; each must be there to be changed."""
    text = script.text
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{script.name} no longer says {old!r}: adapt tests/chaos/breaking.py")
        text = text.replace(old, new)
    return Script(script.name, text, hashlib.sha1(text.encode()).hexdigest())
