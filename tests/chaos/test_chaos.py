"""A short chaos run is clean, leaves nothing, and is not clean where a guarantee is broken."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import wait_until

from chaos.driver import run_chaos
from chaos.plan import Plan, scaled
from chaos.verdict import as_json, line

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

SHORT = replace(scaled(20.0, 1), poison=2, client_kills=3, restarts=2)
BROKEN = Plan(
    seed=1,
    seconds=7.0,
    calls=300,
    kills=10,
    pauses=16,
    client_kills=4,
    restarts=1,
    poison=0,
    workers=5,
    patience_s=6.0,
)


def processes_of(directory: Path) -> list[str]:
    """The processes that were told to work in *directory*."""
    if sys.platform != "linux":
        return []
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:  # it has just ended, or is another user's
            continue
        if str(directory).encode() in told:
            found.append(process.name)
    return found


async def nothing_runs_in(directory: Path) -> None:
    """The last watchers leave a moment after what they watched."""
    await wait_until(lambda: not processes_of(directory), description="no process is left")


async def test_a_short_chaos_run_is_clean_and_leaves_nothing(tmp_path: Path) -> None:
    """Nothing lost, recorded twice or wrong; no limit exceeded; no process, key or file left."""
    found = await run_chaos(SHORT, keep=tmp_path)  # to look into, should it fail
    print(line(found))
    assert found.violations == []
    assert found.calls >= SHORT.calls
    done = found.records
    assert (done.kills, done.pauses, done.restarts) == (SHORT.kills, SHORT.pauses, SHORT.restarts)
    assert (found.poison_given, found.poison_buried) == (2, 2)
    assert as_json(found)["clean"] is True
    assert not found.directory.exists()
    await nothing_runs_in(found.directory)


@pytest.mark.parametrize(
    ("broken", "shown"),
    [
        ("finish-without-hand-check", ("recorded twice", "lost", "hung")),
        ("limit", ("limit", "slots")),
        ("dropped-calls", ("lost", "hung")),
        ("forgotten-place", ("recorded twice",)),  # seen where a client dies while it reads
    ],
)
async def test_the_referee_notices_a_broken_guarantee(broken: str, shown: tuple[str, ...]) -> None:
    """Each was broken in the scripts of this run; one of a few runs meets it, and says so."""
    seen: list[str] = []
    for seed in range(1, 5):  # on a slow machine the faults of one run may come too early to matter
        found = await run_chaos(replace(BROKEN, broken=broken, seed=seed))
        await nothing_runs_in(found.directory)
        if any(violation.startswith(shown) for violation in found.violations):
            return
        seen.append(line(found))
    pytest.fail("\n".join(seen))
