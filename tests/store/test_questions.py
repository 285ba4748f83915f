"""A question that is put again after a fault gets the one answer; no operation is left out."""

import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import anyio
import pytest
from fault_proxy import Fault, FaultProxy, fault_proxy
from store_bench import Bench, chunk, wish

import lionherd_dist.store
from lionherd_dist.store import (
    calls,
    evictions,
    health,
    job_rows,
    jobs,
    kept,
    letters,
    limit_rows,
    loading,
    outcomes,
    places,
    reading,
    scripts,
    server_facts,
    sessions,
    space_facts,
)
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.control import Control
from lionherd_dist.store.outcomes import Inbox, News
from lionherd_dist.store.patience import persist
from lionherd_dist.store.portion import Portion

pytestmark = pytest.mark.anyio

NOW_MS = 10**12
LETTER = "7-7"

# What is asked, through the connection that has the fault; it may remember what it was told.
Asked = Callable[[Connection], Awaitable[object]]


# --- something of everything that there is to ask for


async def scene(bench: Bench) -> None:
    """Jobs that run, wait, are kept and were cancelled; a dead letter; a limiter in use."""
    keys = bench.keys
    assert await bench.hello("D")
    await bench.submit("C", chunk(count=20, limit=4), chunk(count=3, number=2))
    first, second, third, _ = await bench.take("W", 4)
    hand = bench.hand("W")
    await hand.finish(bench.connection, [calls.Done(first, b"one")])
    await hand.finish(bench.connection, [calls.Done(second, b"two")])
    await hand.finish(bench.connection, [calls.Again(third, attempt=2, delay_ms=60_000)])
    await bench.submit("C", chunk(count=3, total=3, number=3, keep_ms=60_000))
    await bench.finish("W", [one for one in await bench.take("W") if one.job == "C-3"])
    await bench.cancel("C-2")
    call = ("j", "C-1", "i", 0, "c", "C-1 0 1 0 0", "p", "c0", "o", "why")
    await bench.connection.call("XADD", keys.dead, LETTER, *call)
    await bench.connection.call("PEXPIRE", keys.dead, 60_000)
    await bench.lend("C", wish(count=2))
    await bench.lend("D", wish(count=1))


def about(
    ask: Callable[..., Awaitable[object]], *more: object, **named: object
) -> Callable[[Bench], Asked]:
    """The question *ask* about the namespace, with *more* that it wants to know."""
    return lambda bench: lambda connection: ask(connection, bench.keys, *more, **named)


def inbox(bench: Bench) -> Asked:
    """Entry by entry: each read but the first drops, too, what the last one brought."""
    boxes: list[Inbox] = []
    told: list[tuple[int, bytes]] = []

    async def ask(connection: Connection) -> object:
        if not boxes:
            boxes.append(Inbox(connection, bench.keys, "C"))
            boxes[0]._portion = Portion(1, first=1)
        while len(told) < 2:
            news = [one for one in await boxes[0].read() if isinstance(one, News)]
            told.extend(pair for one in news for pair in one.outcomes)
        return list(told)

    return ask


def emptiness(bench: Bench) -> Asked:
    return lambda connection: Inbox(connection, bench.keys, "C").is_empty(connection)


def control(bench: Bench) -> Asked:
    ears: list[Control] = []

    async def ask(connection: Connection) -> object:
        if not ears:
            ears.append(Control(connection, bench.keys, b"0-0"))
        return await ears[0].read()

    return ask


def facts_of_the_server(bench: Bench) -> Asked:
    async def ask(connection: Connection) -> object:
        told = await server_facts.server_facts(connection, scripts.ALL)
        return sorted(told.info), told.settings, told.users, told.denied, told.scripts_known

    return ask


def time_left(bench: Bench) -> Asked:
    async def ask(connection: Connection) -> object:
        return await kept.reader_left_ms(connection, bench.keys, "C/1") > 0

    return ask


QUESTIONS: dict[Callable[..., object], Callable[[Bench], Asked]] = {
    Control.read: control,
    Inbox.is_empty: emptiness,
    Inbox.read: inbox,
    evictions.asked_for_evictions: lambda _: evictions.asked_for_evictions,
    health.answers: lambda _: health.answers,
    health.live_workers_at: about(health.live_workers_at, ""),
    job_rows.calls_in_hand: about(job_rows.calls_in_hand, "C-1", now_ms=NOW_MS),
    job_rows.job_rows: about(job_rows.job_rows, ["C-1", "C-9"], now_ms=NOW_MS),
    kept.read: about(kept.read, "C-3", b"0-0", kept.portion()),
    kept.reader_left_ms: time_left,
    letters.letter: about(letters.letter, LETTER),
    letters.letter_count: about(letters.letter_count),
    letters.letters: about(letters.letters, most=9, before=""),
    limit_rows.limiter_row: about(limit_rows.limiter_row, "api", now_ms=NOW_MS),
    limit_rows.limiter_rows: about(limit_rows.limiter_rows, now_ms=NOW_MS),
    limit_rows.user_rows: about(limit_rows.user_rows, "api"),
    places.wait_after_deaths: about(places.wait_after_deaths),
    reading.overview: about(reading.overview),
    reading.server_ms: lambda _: reading.server_ms,
    server_facts.server_facts: facts_of_the_server,
    sessions.known_by_some_worker: about(sessions.known_by_some_worker, "tasks:double"),
    sessions.tasks_of_workers: about(sessions.tasks_of_workers),
    sessions.worker_count: about(sessions.worker_count),
    space_facts.space_facts: about(space_facts.space_facts),
}


# --- none is left out

CARRIERS = {
    "connection",
    "lines",
    "odd_keys",
    "patience",
    "tolerant",
}  # which send what the others say
CHANGES = {  # without a script of their own: those of calls stand in test_faults, as XREADGROUP
    calls.Calls.take,
    calls.Calls.retake,
    letters.drop,
    loading.load_scripts,
    jobs.cancel_jobs,  # cancel, as often as it takes
}


def operations() -> Iterator[Callable[..., object]]:
    """Every public function and method of the store that speaks to the server."""
    for found in pkgutil.iter_modules(lionherd_dist.store.__path__):
        module = importlib.import_module(f"lionherd_dist.store.{found.name}")
        if found.name in CARRIERS:
            continue
        own = [one for one in vars(module).values() if inspect.getmodule(one) is module]
        methods = [vars(one).values() for one in own if inspect.isclass(one)]
        for one in itertools.chain(own, *methods):
            if inspect.iscoroutinefunction(one) and not one.__name__.startswith("_"):
                yield one


def runs_a_script(operation: Callable[..., object]) -> bool:
    """Each script is among the operations of test_faults."""
    names = {name for name, one in vars(scripts).items() if isinstance(one, scripts.Script)}
    return not names.isdisjoint(operation.__code__.co_names)  # type: ignore[attr-defined]


def test_every_operation_meets_a_fault() -> None:
    """A new one has to show what becomes of it."""
    without_script = {one for one in operations() if not runs_a_script(one)}
    assert without_script == QUESTIONS.keys() | CHANGES


# --- the comparison


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(redis_url) as proxy:
        yield proxy


async def answered(ask: Asked, connection: Connection) -> str:
    """The answer, asked for until there is one, without what differs from moment to moment."""
    with anyio.fail_after(20):
        answer = await persist(lambda: ask(connection), patience_s=5)
    text = re.sub(r"\b(now_ms|left_ms|age_ms)=-?\d+", r"\1", repr(answer))
    return re.sub(r"\b\d{13}\b(?!-)", "<time>", text)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize(
    "question", QUESTIONS, ids=lambda question: f"{question.__module__[20:]}.{question.__name__}"
)
async def test_a_question_put_again_after_a_fault_gets_the_same_answer(
    question: Callable[..., object],
    fault: Fault,
    proxy: FaultProxy,
    bench: Bench,
) -> None:
    """Whichever of its requests or replies is lost; and it changes nothing at the server."""
    await scene(bench)
    before = await bench.state()
    expected = await answered(QUESTIONS[question](bench), bench.connection)
    assert question is outcomes.Inbox.read or await bench.state() == before
    for nth in itertools.count(1):
        await restore(bench, before)
        ask = QUESTIONS[question](bench)
        through = Connection(proxy.url, name="through")
        struck = proxy.strike(fault, nth=nth)
        answer = await answered(ask, through)
        await through.close()
        if not struck.is_set():
            break
        assert answer == expected
    assert nth > 1, "not one of its requests was struck"


async def restore(bench: Bench, state: dict[str, object]) -> None:
    """Bring back what a question had dropped, which only reading an inbox does."""
    key = bench.keys.inbox("C")
    await bench.connection.call("RESTORE", key, 60_000, state[key], "REPLACE")  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
async def test_a_letter_dropped_again_after_a_fault_is_dropped_once(
    fault: Fault, proxy: FaultProxy, bench: Bench
) -> None:
    """That one and no other, though who heard no reply is told that it was gone."""
    await scene(bench)
    await bench.connection.call("XADD", bench.keys.dead, "8-8", "another", "letter")
    through = Connection(proxy.url, name="through")
    proxy.strike(fault)
    gone = await persist(lambda: letters.drop(through, bench.keys, [LETTER]), patience_s=5)
    await through.close()
    assert gone == (1 if fault is Fault.LOSE_REQUEST else 0)
    left = await letters.letters(bench.connection, bench.keys, most=9, before="")
    assert [one.id for one in left] == ["8-8"]
