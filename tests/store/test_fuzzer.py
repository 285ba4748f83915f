"""No script runs on for ever, whatever stands in its keys and arguments; see ``fuzzer.py``."""

import hashlib

import pytest
from store.fuzzer import fuzz

from lionherd_dist.store import limits
from lionherd_dist.store.scripts import Script

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

STATES = 300


async def test_no_script_runs_on_and_none_takes_long() -> None:
    """In none of the states, on a server of its own: a hang would hold up all other tests."""
    complaints = await fuzz(seed=20, states=STATES)
    assert complaints == [], "\n".join(
        f"{one.state}: {one.script}: {one.text}" for one in complaints
    )


async def test_the_fuzzer_notices_a_script_that_a_value_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that takes a member of a limiter's queue for what it should be."""
    text = limits.RESIZE.text.replace("if not owner then", "if false then")
    assert text != limits.RESIZE.text
    sha = hashlib.sha1(text.encode()).hexdigest()
    monkeypatch.setattr(limits, "RESIZE", Script("resize", text, sha))
    complaints = await fuzz(seed=1, states=STATES)
    assert {one.script for one in complaints} == {"resize"}


async def test_the_fuzzer_notices_a_script_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One whose loop has a bound that is far too high."""
    text = limits.TEND.text + "\nfor _ = 1, 30000000 do end return 0"
    text = text.replace("return #names\n", "")
    sha = hashlib.sha1(text.encode()).hexdigest()
    monkeypatch.setattr(limits, "TEND", Script("tend", text, sha))
    complaints = await fuzz(seed=1, states=2)
    assert complaints
    assert all("tend" in one.script or sha in one.script for one in complaints)
