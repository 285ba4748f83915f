"""A short run of the limiter's chaos is clean, and is not where a guarantee is broken."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaos_limiter.driver import run_chaos
from chaos_limiter.plan import Plan, scaled
from chaos_limiter.verdict import as_json, line

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

SHORT = scaled(15.0, 1)
BROKEN = Plan(
    seed=1, seconds=8.0, kills=3, pauses=8, resizes=8, processes=4, starved_s=6.0, patience_s=6.0
)
# Nobody starves while some tokens are left: most are to die, and no resize drops the dead.
DEADLY = replace(BROKEN, kills=8, resizes=0, first_total=4)


@pytest.fixture
def anyio_backend() -> str:
    """Limiters that processes share run on asyncio."""
    return "asyncio"


async def test_a_short_chaos_run_of_the_limiter_is_clean_and_leaves_nothing(tmp_path: Path) -> None:
    """Never more holders than tokens, code and calls; fences that grow, nobody starved."""
    found = await run_chaos(SHORT, keep=tmp_path)  # to look into, should it fail
    print(line(found))
    assert found.violations == []
    done = found.records
    assert (done.kills, done.pauses, found.resizes) == (SHORT.kills, SHORT.pauses, SHORT.resizes)
    assert found.grants.total() > 100
    assert found.grants.keys() == {"block", "at once", "both"}
    assert found.calls > 0
    assert as_json(found)["clean"] is True
    assert not found.directory.exists()


@pytest.mark.parametrize(
    ("broken", "shown", "plan"),
    [
        ("resurrecting-renewal", ("over the total:", "slots"), BROKEN),
        ("one-too-many", ("over the total",), BROKEN),
        ("fence-stands-still", ("fences",), BROKEN),
        ("dead-hold-on", ("starved",), DEADLY),
        ("token-dies-with-worker", ("call's token",), DEADLY),
    ],
)
async def test_the_limiters_referee_notices_a_broken_guarantee(
    broken: str, shown: tuple[str, ...], plan: Plan
) -> None:
    """Each was broken in the processes of this run; one of a few runs meets it, and says so."""
    seen: list[str] = []
    for seed in range(1, 4):  # on a slow machine the faults of one run may come too early to matter
        found = await run_chaos(replace(plan, broken=broken, seed=seed))
        if any(violation.startswith(shown) for violation in found.violations):
            return
        seen.append(line(found))
    pytest.fail("\n".join(seen))
