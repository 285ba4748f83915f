"""What a worker's log says of calls that fail."""

import logging

import pytest
import tasks
from executor_bench import executor, taken
from helpers import wait_until

from lionherd_dist import Retry, task
from lionherd_dist.runtime import failure_log
from lionherd_dist.runtime.failure_log import MOST_LINES, FailureLog
from lionherd_dist.store.calls import Dead, Settled

pytestmark = pytest.mark.anyio


def facts_of(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    return [r.facts for r in caplog.records if getattr(r, "event", "") == event]  # type: ignore[attr-defined]  # ours


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@task(name="bad")
async def bad(kind: str) -> None:
    match kind:
        case "plain":
            raise ValueError("a\nb\x1b[31m")
        case "group":
            raise ExceptionGroup("one", [KeyError("x")])
        case _:
            raise Unreadable


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("plain", "ValueError", "a\\nb\\x1b[31m"),
        ("group", "KeyError", "'x'"),
        ("unreadable", "Unreadable", "(its message cannot be read)"),
    ],
)
async def test_a_failure_has_a_line(
    caplog: pytest.LogCaptureFixture, kind: str, error: str, message: str
) -> None:
    """With the task, which call of which job it was, and the error."""
    settled: list[Settled] = []
    async with executor(settled.append, bad) as running:
        running.accept(taken(bad.call(kind)))
        await running.idle()
    (facts,) = facts_of(caplog, "call failed")
    assert facts["task"] == "bad"
    assert {"job", "index", "attempt"} < set(facts)
    assert (facts["error"], facts["message"]) == (error, message)
    assert all(record.levelno == logging.WARNING for record in caplog.records)


async def test_an_attempt_that_is_made_again_is_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A line at INFO, which is not shown by default."""
    caplog.set_level(logging.INFO, "lionherd_dist")

    @task(name="again", retry=Retry(attempts=2))
    async def again() -> None:
        raise ConnectionError("busy")

    settled: list[Settled] = []
    async with executor(settled.append, again) as running:
        running.accept(taken(again.call()))
        await running.idle()
    (facts,) = facts_of(caplog, "attempt failed")
    assert (facts["attempt"], facts["error"], facts["message"]) == (1, "ConnectionError", "busy")
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_a_call_of_an_unknown_task_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """It leaves a dead letter, and is told of as one once the server has it."""
    settled: list[Settled] = []
    async with executor(settled.append, bad) as running:
        running.accept(taken(tasks.echo.call(1)))
        await running.idle()
        (dead,) = settled
        assert isinstance(dead, Dead)
        assert facts_of(caplog, "dead letter") == []
        running.buried(dead)
    (facts,) = facts_of(caplog, "dead letter")
    assert (facts["task"], facts["error"]) == ("tasks:echo", "UnknownTaskError")


async def test_many_failures_have_a_few_lines_and_a_count(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count comes when the second is over, also where nothing fails any more."""
    now = 100.0
    monkeypatch.setattr(failure_log, "monotonic", lambda: now)
    log = FailureLog()
    assert [log.has_room(logging.WARNING) for _ in range(5000)].count(True) == MOST_LINES
    now += 1
    assert log.has_room(logging.WARNING)
    assert facts_of(caplog, "more calls failed") == [{"count": 5000 - MOST_LINES}]
    for _ in range(MOST_LINES):
        log.has_room(logging.WARNING)
    await wait_until(
        lambda: len(facts_of(caplog, "more calls failed")) == 2, description="the rest is told"
    )
    assert facts_of(caplog, "more calls failed")[1] == {"count": 1}


async def test_what_is_not_logged_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    """An attempt at INFO takes no line away from a failure."""
    caplog.set_level(logging.WARNING, "lionherd_dist")
    log = FailureLog()
    assert not any(log.has_room(logging.INFO) for _ in range(100))
    assert log.has_room(logging.WARNING)
