"""Which spans a worker tells of, and how each of them ends."""

import contextvars
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import anyio
import pytest
import tasks
from helpers import wait_until

from lionherd_dist.call import Call, Retry
from lionherd_dist.runtime import streaks
from lionherd_dist.runtime.executor import DEATHS_ALONE, Executor
from lionherd_dist.runtime.slots import open_slots
from lionherd_dist.runtime.tracing import CallSpans
from lionherd_dist.runtime.ways import Ways
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Settled, Taken
from lionherd_dist.task import task, tasks_of
from lionherd_dist.tracing import Facts
from lionherd_dist.wire.messages import encode_call, with_traceparent
from lionherd_dist.wire.signing import Seal

pytestmark = pytest.mark.anyio

NOW_MS = 1_000_000
JOBS_SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSEALED = Seal((), "default")
SEALED = Seal(("k" * 32,), "default")

current: contextvars.ContextVar[str] = contextvars.ContextVar("current", default="")
found: list[str] = []


@task(name="unsendable")
async def unsendable() -> object:
    """What it gives cannot be sent."""
    return object()


@task(name="looks")
async def looks_for_the_span() -> None:
    """It finds the one that is current in its body."""
    found.append(current.get())


@dataclass
class Noted:
    """A span, and the ends that it was told."""

    task: str
    above: str
    facts: Facts
    ends: list[tuple[object, str]] = field(default_factory=list)
    traceparent: str = ""

    @contextmanager
    def current(self) -> Iterator[None]:
        token = current.set(self.task)
        yield
        current.reset(token)

    def end(self, facts: Facts, error: BaseException | None = None) -> None:
        assert set(facts) == {"outcome"}
        self.ends.append((facts["outcome"], "" if error is None else type(error).__name__))


class Notes:
    """A tracer that keeps what it is told."""

    def __init__(self) -> None:
        self.spans: list[Noted] = []

    def job(self, facts: Facts) -> Noted:
        raise AssertionError("a worker begins no job")

    attach = job

    def call(self, task: str, traceparent: str, facts: Facts) -> Noted:
        span = Noted(task, traceparent, facts)
        self.spans.append(span)
        return span

    @property
    def told(self) -> list[tuple[str, object, str]]:
        """Of each span: its name, how it ended, and with which error. Each ends once."""
        return [(span.task, *end) for span in self.spans for end in span.ends]


@pytest.fixture
def notes() -> Notes:
    return Notes()


@asynccontextmanager
async def executor(
    notes: Notes, *, elsewhere: bool = False, trusted: bool = True, ends: int = 1
) -> AsyncIterator[Executor]:
    """One that is traced; no call is left in it at the end."""
    settled: list[Settled] = []

    async def known_elsewhere(_: str) -> bool:
        return elsewhere

    async def died_alone(_: Taken) -> int:
        return DEATHS_ALONE

    spans = CallSpans(notes, UNSEALED, "default", "here")
    known = tasks_of([tasks]) | {one.name: one for one in (unsendable, looks_for_the_span)}
    async with open_slots(2) as slots:
        running = Executor(
            known,
            set(),
            Ways(
                settle=spans.before(settled.append),
                known_elsewhere=known_elsewhere,
                alone=died_alone,
                trusted=lambda: trusted,
                awaited="".__eq__,  # no job has that id
                traced=spans.around,
            ),
            slots=slots,
            name="here",
            clock=ServerClock(NOW_MS),
            seal=UNSEALED,
            context=contextvars.Context(),
        )
        yield running
        with anyio.fail_after(10):
            await running.idle()
    assert len(settled) == ends


def taken(
    call: Call[object] | bytes, *, deadline_ms: int = 0, deaths: int = 0, attempt: int = 1
) -> Taken:
    payload = call if isinstance(call, bytes) else with_traceparent(encode_call(call), JOBS_SPAN)
    return Taken(b"1-1", "J-1", 7, attempt, deadline_ms, deaths, payload)


DOUBLE = tasks.double.call(2)
SIGNED = SEALED.signed("call", encode_call(DOUBLE), "J-1", 7)
UNKNOWN = Call("elsewhere:f", (), {}, runner=DOUBLE.runner)
RETRIED = tasks.fail.with_options(retry=Retry(2, base_delay=0.01))("x")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (taken(DOUBLE), ("tasks:double", "succeeded", "")),
        (taken(tasks.fail.call("x")), ("tasks:fail", "failed", "ValueError")),
        (taken(RETRIED), ("tasks:fail", "failed", "ValueError")),
        (taken(unsendable.call()), ("unsendable", "failed", "EncodeError")),
        (
            taken(tasks.hold.call("x"), deadline_ms=NOW_MS + 300),
            ("tasks:hold", "failed", "TimeoutError"),
        ),
    ],
    ids=["returned", "raised", "retried", "unsendable", "out of time"],
)
async def test_an_attempt_ends_as_its_client_is_told(
    notes: Notes, given: Taken, told: tuple[str, str, str]
) -> None:
    """In one span, which begins with it, under that of the job."""
    tasks.new_stage()
    async with executor(notes) as running:
        running.accept(given)
    assert notes.told == [told]
    (span,) = notes.spans
    assert span.above == JOBS_SPAN
    assert span.facts == {
        "namespace": "default",
        "job": "J-1",
        "index": 7,
        "attempt": 1,
        "deaths": 0,
        "worker": "here",
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            taken(DOUBLE, deadline_ms=1),
            ("tasks:double", "failed", "TimeoutError"),
        ),
        (taken(UNKNOWN), ("elsewhere:f", "dead", "UnknownTaskError")),
        (taken(DOUBLE, deaths=4), ("tasks:double", "dead", "PoisonTaskError")),
        (taken(b"\xc1"), ("lionherd.call", "dead", "DecodeError")),
        (taken(SIGNED), ("lionherd.call", "dead", "SignatureError")),
    ],
    ids=["too late", "unknown", "poison", "no call", "no key"],
)
async def test_a_call_that_ends_without_an_attempt_says_so(
    notes: Notes, given: Taken, told: tuple[str, str, str]
) -> None:
    """In one span, under that of the job as far as the call can be read."""
    async with executor(notes) as running:
        running.accept(given)
    assert notes.told == [told]
    (span,) = notes.spans
    assert (span.facts["ran"], span.facts["index"]) == (False, 7)
    assert span.above == ("" if span.task == "lionherd.call" else JOBS_SPAN)


async def test_a_call_that_was_cancelled_before_it_began_says_so(notes: Notes) -> None:
    """That it did not run is all that tells it from one that was stopped."""
    async with executor(notes) as running:
        running.cancel("J-1")
        running.accept(taken(DOUBLE))
    assert notes.told == [("tasks:double", "cancelled", "")]
    assert notes.spans[0].facts["ran"] is False


@pytest.mark.parametrize("elsewhere", [True, False], ids=["its task is not here", "too long away"])
async def test_a_call_that_goes_on_elsewhere_has_its_span_there(
    notes: Notes, elsewhere: bool
) -> None:
    """None here, where no attempt was made."""
    async with executor(notes, elsewhere=elsewhere, trusted=elsewhere) as running:
        running.accept(taken(UNKNOWN))
    assert notes.spans == []


@pytest.mark.parametrize(
    ("stop", "outcome"),
    [(lambda one: one.cancel("J-1"), "cancelled"), (Executor.hand_back, "stopped")],
    ids=["cancelled", "handed back"],
)
async def test_an_attempt_that_is_stopped_says_why(
    notes: Notes, stop: Callable[[Executor], None], outcome: str
) -> None:
    """Neither is an error."""
    stage = tasks.new_stage()
    async with executor(notes) as running:
        running.accept(taken(tasks.hold.call("x")))
        await wait_until(lambda: stage.started == ["x"], description="it runs")
        stop(running)
    assert notes.told == [("tasks:hold", outcome, "")]
    assert "ran" not in notes.spans[0].facts


async def test_the_span_of_what_cannot_be_stopped_ends_as_it_is_given_away(notes: Notes) -> None:
    """And not once more when it has ended."""
    stage = tasks.new_stage()
    async with executor(notes) as running:
        running.accept(taken(tasks.hold_a_thread.call("x")))
        await wait_until(lambda: stage.started == ["x"], description="it runs")
        running.hand_back()
        running.give_away()
        assert notes.told == [("tasks:hold_a_thread", "stopped", "")]
        stage.thread_gate.set()
    assert len(notes.told) == 1


async def test_nothing_is_kept_of_a_span_that_has_ended(notes: Notes) -> None:
    """A worker makes many."""
    async with executor(notes) as running:
        running.accept(taken(DOUBLE))
        with anyio.fail_after(10):
            await running.idle()
        span = weakref.ref(notes.spans.pop())
        gc.collect()
        assert span() is None


async def test_each_call_of_an_entry_has_a_span_of_its_own(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They run one after the other, and each ends as its client is told."""
    monkeypatch.setattr(streaks, "STREAK_S", 60.0)
    second = with_traceparent(encode_call(tasks.fail.call("x")), JOBS_SPAN)
    async with executor(notes, ends=2) as running:
        running.accept(taken(DOUBLE)._replace(rest=(second,)))
    assert notes.told == [("tasks:double", "succeeded", ""), ("tasks:fail", "failed", "ValueError")]
    assert [span.facts["index"] for span in notes.spans] == [7, 8]


async def test_the_body_of_a_task_runs_within_its_span(notes: Notes) -> None:
    """What it begins there is a part of it."""
    found.clear()
    async with executor(notes) as running:
        running.accept(taken(looks_for_the_span.call()))
    assert found == ["looks"]
