"""What ``map`` says while nothing comes."""

from contextlib import nullcontext

import pytest

from lionherd_dist.cli import map_run
from lionherd_dist.cli.limit_option import NamedLimiter
from lionherd_dist.cli.map_run import MapRun
from lionherd_dist.cli.progress import View
from lionherd_dist.cli.tally import Tally
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.errors import StoreUnavailableError

pytestmark = pytest.mark.anyio


async def told(monkeypatch: pytest.MonkeyPatch, shut_ms: int | Exception | None) -> list[str]:
    """What a run says that gets no result, with a limiter that lends nothing for *shut_ms*."""
    monkeypatch.setattr(map_run, "OPENING_S", 0)
    said: list[str] = []

    async def ask() -> int:
        if isinstance(shut_ms, Exception):
            raise shut_ms
        return shut_ms or 0

    run = MapRun(
        cluster=Cluster("redis://127.0.0.1:1"), call=lambda item: item, sources=(), bare=False,
        ordered=False, tracebacks=False, limit=NamedLimiter("api", 5), tally=Tally(),
        view=View(nullcontext(), lambda: None, 1, said.append),
        shut_ms=None if shut_ms is None else ask,
    )  # fmt: skip
    await run._tell_of_limiter()
    return said


async def test_a_limiter_that_lends_nothing_yet_is_what_is_waited_for(monkeypatch) -> None:
    """By name, for how long, and why."""
    (only,) = await told(monkeypatch, 14_000)
    assert only.startswith("Waiting for limiter api: it lends nothing for another 14 s.")
    assert "just started or lost data" in only


@pytest.mark.parametrize("shut_ms", [0, None, StoreUnavailableError("gone")], ids=repr)
async def test_nothing_is_said_of_a_limiter_that_lends(monkeypatch, shut_ms) -> None:
    """Nor where the server did not answer the question."""
    assert await told(monkeypatch, shut_ms) == []
