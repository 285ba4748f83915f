"""A request that is sent again after a fault in between has the effect of one, for every script."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from anyio import to_thread
from fault_proxy import Fault, FaultProxy, fault_proxy
from store_bench import Bench, chunk, wish

import lionherd_dist.store
from lionherd_dist import Settings, StoreUnavailableError
from lionherd_dist.session.session import open_session
from lionherd_dist.store import letters
from lionherd_dist.store.calls import Again, Back, Dead, Done, Settled, Taken
from lionherd_dist.store.connection import Connection, Reply
from lionherd_dist.store.jobs import Broken, Tokens, check_jobs
from lionherd_dist.store.kept import Gone, advance, attach, detach, portion, read
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.limits import Ask, leave_request, resize, tend
from lionherd_dist.store.patience import persist
from lionherd_dist.store.places import died, place_of
from lionherd_dist.store.scripts import SET_ASIDE, load
from lionherd_dist.store.sessions import NO_CAPACITY, BeatConnection, Capacity, reap

pytestmark = pytest.mark.anyio

LUA = Path(lionherd_dist.store.__file__).parent / "lua"
PATIENCE_S = 5.0

# A prepared operation: what is to be sent, through the connection that has the fault.
Sent = Callable[[Connection], Awaitable[object]]


@dataclass(frozen=True)
class Operation:
    """One write of the store: *prepare* leads up to it and gives it.

    Args:
        word: what its request, and no other, has among its words: a script's name, or a command.
        persists: it sends itself again.
    """

    name: str
    word: str
    prepare: Callable[[Bench], Awaitable[Sent]]
    persists: bool = False


# --- what leads up to each, and what is sent


async def in_hand(bench: Bench, count: int = 3, total: int = -1) -> list[Taken]:
    await bench.submit("C", chunk(count=count, total=total, limit=3))
    return await bench.take("W")


def submitting(*earlier: int, **changes: int) -> Callable[[Bench], Awaitable[Sent]]:
    """Submit a chunk, after one of the calls up to *earlier*."""

    async def prepare(bench: Bench) -> Sent:
        for count in earlier:
            await bench.submit("C", chunk(count=count, limit=3, cap=4))
        new = chunk(limit=3, cap=4, **changes)
        return lambda connection: replace(bench, connection=connection).submit("C", new)

    return prepare


def finishing(*ends: Callable[[Taken], Settled], total: int = -1) -> Callable[..., Awaitable[Sent]]:
    """Finish the three calls in hand, each in its own way."""

    async def prepare(bench: Bench) -> Sent:
        taken = await in_hand(bench, 10 if total < 0 else total, total)
        settled = [end(one) for end, one in zip(ends, taken, strict=True)]
        return lambda connection: bench.hand("W").finish(connection, settled)

    return prepare


def done(taken: Taken) -> Settled:
    return Done(taken, b"outcome of %d" % taken.index)


def dead(taken: Taken) -> Settled:
    return Dead(taken, b"end of %d" % taken.index)


def again(taken: Taken) -> Settled:
    return Again(taken, attempt=2, delay_ms=60_000)


async def finish_kept(bench: Bench) -> Sent:
    await bench.submit("C", chunk(count=3, total=3, keep_ms=60_000))
    taken = await bench.take("W")
    return lambda connection: bench.hand("W").finish(connection, [done(one) for one in taken])


async def finish_cancelled(bench: Bench) -> Sent:
    taken = await in_hand(bench)
    await bench.cancel("C-1")
    return lambda connection: bench.hand("W").finish(connection, [done(one) for one in taken])


async def take(bench: Bench) -> Sent:
    """As a puller does it: after a broken read, what is in hand is read again."""
    await bench.submit("C", chunk(count=3))
    broken: list[bool] = []

    async def send(connection: Connection) -> list[int]:
        hand = bench.hand("W")
        try:
            taken = await (
                hand.retake(connection, 10, b"0-0") if broken else hand.take(connection, 10)
            )
            return [one.index for one in taken or await hand.take(connection, 10)]
        except StoreUnavailableError:
            broken.append(True)
            raise

    return send


async def finish_and_take(bench: Bench) -> Sent:
    """As a puller does it: what it could not tell is told again, what it may have got is read."""
    ended = [done(one) for one in await in_hand(bench, 5)]
    broken: list[bool] = []

    async def send(connection: Connection) -> list[int]:
        hand = bench.hand("W")
        try:
            if broken:
                await hand.finish(connection, ended)
                taken = await hand.retake(connection, 10, b"0-0") or await hand.take(connection, 10)
            else:
                taken = await hand.finish_and_take(connection, ended, 10, lambda _: None)
        except StoreUnavailableError:
            broken.append(True)
            raise
        return [one.index for one in taken]

    return send


async def cancel(bench: Bench) -> Sent:
    """A job with calls in hand, parked, released and waiting."""
    await bench.submit("C", chunk(count=20))
    taken = await bench.take("W", 3)
    await bench.hand("W").finish(bench.connection, [again(taken[0])])
    return lambda connection: replace(bench, connection=connection).cancel("C-1")


async def cancel_waiting(bench: Bench) -> Sent:
    await bench.submit("C", chunk(count=20))
    return lambda connection: replace(bench, connection=connection).cancel("C-1")


async def cancel_as_an_operator(bench: Bench) -> Sent:
    """The owner is told, and once."""
    await in_hand(bench)
    return lambda connection: replace(bench, connection=connection).cancel("C-1", by="")


async def revive(bench: Bench) -> Sent:
    call = ("j", "C-1", "i", 0, "c", "C-1 0 1 0 0", "p", "c0", "o", "why")
    await bench.connection.call("XADD", bench.keys.dead, "7-7", *call)
    await bench.connection.call("PEXPIRE", bench.keys.dead, 60_000)
    return lambda connection: letters.revive(connection, bench.keys, "7-7")


async def promote(bench: Bench) -> Sent:
    taken = await in_hand(bench)
    hand = bench.hand("W")
    await hand.finish(bench.connection, [Again(one, 2, delay_ms=0) for one in taken])
    return hand.promote


def checking(*gone: str) -> Callable[[Bench], Awaitable[Sent]]:
    """Parts of the job C-1 that are *gone*."""

    async def prepare(bench: Bench) -> Sent:
        await in_hand(bench)
        await bench.submit("C", chunk(count=3, number=2))
        for part in gone:
            await bench.connection.call("DEL", bench.keys.job("C-1") + part)

        async def send(connection: Connection) -> object:
            first, *rest = await check_jobs(connection, bench.keys, ["C-1", "C-2", "C-9"])
            return (
                None if isinstance(first, Broken) else first
            ), rest  # it is gone when told twice

        return send

    return prepare


async def setting_aside(bench: Bench) -> Sent:
    await in_hand(bench)
    await bench.connection.call("RENAME", bench.keys.places, bench.keys.due)
    return lambda connection: connection.run(SET_ASIDE, (bench.keys.due,), ("zset",))


async def beat(bench: Bench) -> Sent:
    async def send(connection: Connection) -> object:
        line = BeatConnection(connection.address, bench.keys, "C", 90_000)
        try:
            return await to_thread.run_sync(line.beat, 5)  # the proxy needs the loop
        finally:
            line.close()

    return send


def hello(capacity: Capacity) -> Callable[[Bench], Awaitable[Sent]]:
    """Open a session, which stays open for the comparison: a test never waits for its end."""

    async def prepare(bench: Bench) -> Sent:
        async def send(connection: Connection) -> object:
            session = open_session(
                *(connection.address, connection, bench.keys, SETTINGS),
                capacity=capacity,
                on_lost=lambda _: None,
            )
            await session.__aenter__()
            return session

        return send

    return prepare


def quitting(capacity: Capacity, *, with_calls: bool = False) -> Callable[[Bench], Awaitable[Sent]]:
    async def prepare(bench: Bench) -> Sent:
        async def send(connection: Connection) -> object:
            async with open_session(
                *(connection.address, connection, bench.keys, SETTINGS),
                capacity=capacity,
                on_lost=lambda _: None,
            ) as session:
                if with_calls:
                    await bench.submit("C", chunk(count=3))
                    await bench.take(session.id)
            return None

        return send

    return prepare


async def reap_worker(bench: Bench) -> Sent:
    await in_hand(bench)
    return await reaping(bench, "W")


async def reap_client(bench: Bench) -> Sent:
    await bench.submit("C", chunk(count=20), chunk(count=3, number=2))
    await bench.take("W", 2)
    return await reaping(bench, "C")


async def reaping(bench: Bench, session: str) -> Sent:
    await bench.connection.call("ZADD", bench.keys.sessions, 1, session)
    return lambda connection: reap(connection, bench.keys)


async def telling_of_a_death(bench: Bench) -> Sent:
    assert await bench.hello("V", slots=4, place=place_of("host:7", "token"))
    await bench.submit("C", chunk(count=3))
    await bench.take("V")
    return lambda connection: died(connection, bench.keys, "token")


async def kept(bench: Bench) -> list[bytes]:
    """A job whose three outcomes are kept, read by C; the entries of its outcomes."""
    await bench.submit("C", chunk(count=3, total=3, keep_ms=60_000))
    await bench.finish("W", await bench.take("W"))
    await attach(bench.connection, bench.keys, "C", "C-1")
    entries = await read(bench.connection, bench.keys, "C-1", b"0-0", portion())
    return [one.entry for one in entries]


async def attaching(bench: Bench) -> Sent:
    await bench.submit("C", chunk(count=3, total=3, keep_ms=60_000))
    return lambda connection: attach(connection, bench.keys, "C", "C-1")


def advancing(upto: int) -> Callable[[Bench], Awaitable[Sent]]:
    async def prepare(bench: Bench) -> Sent:
        entries = await kept(bench)
        for entry in entries[: upto - 1]:
            await advance(bench.connection, bench.keys, "C", "C-1", entry)
        last = entries[upto - 1]
        return lambda connection: advance(connection, bench.keys, "C", "C-1", last)

    return prepare


async def detaching(bench: Bench) -> Sent:
    await kept(bench)
    return lambda connection: detach(connection, bench.keys, "C", "C-1")


async def alone(bench: Bench) -> Sent:
    (one, *_) = await in_hand(bench)
    return lambda connection: bench.hand("W").run_alone(connection, one)


async def bury(bench: Bench) -> Sent:
    await bench.connection.call("XADD", bench.keys.calls, "*", "no", "call")
    broken: list[bool] = []

    async def send(connection: Connection) -> object:
        hand = bench.hand("W")
        try:
            if broken:
                return await hand.retake(connection, 10, b"0-0")
            broken.append(True)
            return await hand.take(connection, 1)
        except StoreUnavailableError:
            broken.append(True)
            raise

    return send


def lending(*before: Ask, ask: Ask) -> Callable[[Bench], Awaitable[Sent]]:
    """A message to a limiter, after others; a job waits for tokens of it, too."""

    async def prepare(bench: Bench) -> Sent:
        assert await bench.hello("D")
        for one in before:
            await bench.lend("C", one)
        limited = replace(chunk(count=5, total=5), limiter=Tokens("api", 2, 0))
        await bench.submit("C", limited)
        await bench.lend("D", wish(count=2))
        return lambda connection: replace(bench, connection=connection).lend("C", ask)

    return prepare


async def leaving(bench: Bench) -> Sent:
    await lending(ask=wish())(bench)
    request = leave_request(bench.keys, "D", "api")
    return lambda connection: connection.run(*request)


async def resizing(bench: Bench) -> Sent:
    await lending(ask=wish())(bench)
    return lambda connection: resize(connection, bench.keys, "api", 9, quarantine_ms=0)


async def tending(bench: Bench) -> Sent:
    await lending(ask=wish())(bench)
    await bench.connection.call("ZADD", bench.keys.sessions, 1, "D")
    return lambda connection: tend(connection, bench.keys)


async def finish_with_tokens(bench: Bench) -> Sent:
    await lending(ask=wish())(bench)
    taken = await bench.take("W")
    return lambda connection: bench.hand("W").finish(connection, [done(one) for one in taken])


async def submit_with_tokens(bench: Bench) -> Sent:
    limited = replace(chunk(count=5, total=5), limiter=Tokens("api", 2, 0))
    return lambda connection: replace(bench, connection=connection).submit("C", limited)


SETTINGS = Settings(session_s=60, patience_s=PATIENCE_S)
WORKER = Capacity(4, ("tasks:double",))
OPERATIONS = [
    Operation("submit: the first chunk", "submit", submitting(first=0, count=10)),
    Operation("submit: another chunk", "submit", submitting(5, first=5, count=5, total=10)),
    Operation("submit: only the end", "submit", submitting(5, first=5, total=5)),
    Operation("submit: only consumption", "submit", submitting(9, first=9, consumed=3)),
    Operation("submit: a job that is kept", "submit", submitting(count=5, total=5, keep_ms=60_000)),
    Operation("finish: done", "finish", finishing(done, done, done)),
    Operation("finish: all of a job", "finish", finishing(done, done, done, total=3)),
    Operation("finish: again", "finish", finishing(again, again, done)),
    Operation("finish: back", "finish", finishing(Back, Back, done)),
    Operation("finish: dead", "finish", finishing(dead, done, dead)),
    Operation("finish: kept outcomes", "finish", finish_kept),
    Operation("finish: of a cancelled job", "finish", finish_cancelled),
    Operation("finish: on the way to take", "finish", finish_and_take),
    Operation("take: behind a finish", "XREADGROUP", finish_and_take),
    Operation("take", "XREADGROUP", take),
    Operation("cancel: running", "cancel", cancel),
    Operation("cancel: waiting", "cancel", cancel_waiting),
    Operation("cancel: by an operator", "cancel", cancel_as_an_operator),
    Operation("revive", "revive", revive),
    Operation("promote", "promote", promote),
    Operation("hello: a client", "hello", hello(NO_CAPACITY), persists=True),
    Operation("hello: a worker", "hello", hello(WORKER), persists=True),
    Operation("beat", "beat", beat),
    Operation("quit: a client", "quit", quitting(NO_CAPACITY), persists=True),
    Operation("quit: a worker", "quit", quitting(WORKER), persists=True),
    Operation("quit: with calls", "quit", quitting(WORKER, with_calls=True), persists=True),
    Operation("reap: a worker", "reap", reap_worker),
    Operation("reap: a client", "reap", reap_client),
    Operation("died", "died", telling_of_a_death),
    Operation("attach", "attach", attaching),
    Operation("advance: one", "advance", advancing(1)),
    Operation("advance: the last", "advance", advancing(3)),
    Operation("detach", "detach", detaching),
    Operation("alone", "alone", alone),
    Operation("bury", "bury", bury),
    Operation("lend: a limiter that is new", "lend", lending(ask=wish(count=2))),
    Operation("lend: and give back", "lend", lending(wish(count=2), ask=wish(3, 1, 1, 2))),
    Operation("lend: look", "lend", lending(wish(count=2), ask=wish(3, 0, look=True))),
    Operation("leave", "leave", leaving),
    Operation("resize", "resize", resizing),
    Operation("tend", "tend", tending),
    Operation("check: whole jobs", "check", checking()),
    Operation("check: a broken job", "check", checking(":hand")),
    Operation("set_aside", "set_aside", setting_aside),
    Operation("submit: with tokens", "submit", submit_with_tokens),
    Operation("finish: with tokens", "finish", finish_with_tokens),
]


def test_every_script_is_among_the_operations() -> None:
    """A new one has to show that it can be sent twice."""
    scripts = {path.stem for path in LUA.glob("*.lua") if not path.name.startswith("_")}
    assert scripts == {one.word for one in OPERATIONS} - {"XREADGROUP"}


# --- the comparison


async def picture(bench: Bench) -> list[str]:
    """Everything the namespace holds, without times, entries by their rank in their stream."""
    names = cast("list[bytes]", await bench.connection.call("KEYS", bench.keys.prefix + "*"))
    texts: dict[str, str] = {}
    for name in sorted(names):
        kind = cast("bytes", await bench.connection.call("TYPE", name)).decode()
        mortal = await bench.connection.call("PTTL", name) != -1
        content = await contents(bench.connection, kind, name)
        key = name.decode().removeprefix(bench.keys.prefix)
        texts[key] = repr((key, kind, mortal, content)).replace(bench.keys.prefix, "")
    ranks = {stream: entry_ranks(texts, stream) for stream in map(stream_of, texts)}
    return [timeless(text, ranks[stream_of(key)]) for key, text in texts.items()]


ENTRY = re.compile(r"\b\d{13}-\d+\b")


def stream_of(key: str) -> str:
    """The stream whose entries *key* names; what two streams got at once has no order."""
    return "calls" if key.endswith((":hand", ":solo")) else key.removesuffix(":outcomes")


def entry_ranks(texts: dict[str, str], stream: str) -> dict[str, str]:
    """A label for each entry of *stream* that any key names."""
    found = {one for key in texts if stream_of(key) == stream for one in ENTRY.findall(texts[key])}
    ordered = sorted(found, key=lambda entry: [int(part) for part in entry.split("-")])
    return {entry: f"<{rank}>" for rank, entry in enumerate(ordered)}


def timeless(text: str, ranks: dict[str, str]) -> str:
    """*text* without what differs from run to run."""
    text = ENTRY.sub(lambda found: ranks[found[0]], text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "<session>", text)
    text = re.sub(r"b'\d{16}'", "<fence>", text)
    return re.sub(r"b'\d{13}'", "<time>", text)


async def contents(connection: Connection, kind: str, name: bytes) -> object:
    match kind:
        case "hash":
            return await by_pairs(connection, "HGETALL", name)
        case "zset":
            scores = () if name.endswith(b":held") else (b"WITHSCORES",)  # fences are times
            return await by_pairs(connection, "ZRANGE", name, b"0", b"-1", *scores)
        case "set":
            return sorted(cast("list[bytes]", await connection.call("SMEMBERS", name)))
        case "list":
            return await connection.call("LRANGE", name, 0, -1)
    entries = await connection.call("XRANGE", name, "-", "+")
    if not name.endswith(b":calls"):
        return entries
    pending = await connection.call("XPENDING", name, "workers", "-", "+", 1_000)
    consumers = cast(
        "list[list[Reply]]", await connection.call("XINFO", "CONSUMERS", name, "workers")
    )
    holders = [one[:2] for one in cast("list[list[Reply]]", pending)]  # without age and count
    return entries, holders, sorted(cast("bytes", consumer[1]) for consumer in consumers)


async def by_pairs(connection: Connection, *command: bytes | str) -> list[tuple[bytes, bytes]]:
    flat = cast("list[bytes]", await connection.call(*command))
    if command[-1] == b"-1":
        return [(member, b"") for member in flat]
    flat = [re.sub(rb"^[0-9a-f]{12}$", b"<session>", one) for one in flat]
    return sorted(zip(flat[::2], flat[1::2], strict=True))


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(redis_url) as proxy:
        yield proxy


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_sent_again_after_a_fault_is_sent_once(
    operation: Operation, fault: Fault, proxy: FaultProxy, bench: Bench, settings: Settings
) -> None:
    """Whether the request was lost or only its reply, the server ends in the same state."""
    word = operation.word
    if word.islower():  # known to the server: the fault is to hit the script itself
        await bench.connection.call("SCRIPT", "LOAD", load(word).text)
    pictures, results = [], []
    for faulty in (False, True):
        own = Bench(bench.connection, Keys(f"{settings.namespace}-{faulty}"))
        assert await own.hello("C")
        assert await own.hello("W", slots=4)
        send = await operation.prepare(own)
        through = Connection(proxy.url, name="through")
        if faulty:
            struck = proxy.strike(
                fault, word.encode() if word.isupper() else load(word).sha.encode()
            )
        results.append(
            await (send(through) if operation.persists else until_answered(send, through))
        )
        pictures.append(await picture(own))
        if isinstance(results[-1], AbstractAsyncContextManager):
            await results[-1].__aexit__(None, None, None)
        await through.close()
        await own.connection.call("DEL", *(await own.state()))
    assert struck.is_set()
    assert pictures[0] == pictures[1]
    if word in {"submit", "cancel", "revive", "XREADGROUP", "alone", "attach", "advance"}:
        last_unheard = word == "advance" and results[1] == Gone()
        assert results[0] == results[1] or last_unheard


async def until_answered(send: Sent, connection: Connection) -> object:
    return await persist(lambda: send(connection), patience_s=PATIENCE_S)


# --- a server that has no memory left


@pytest.mark.parametrize(
    "operation",
    [
        one
        for one in OPERATIONS
        if one.word not in {"submit", "attach"} and one.name != "quit: with calls"  # it submits
    ],
    ids=lambda operation: operation.name,
)
async def test_whatever_makes_room_or_keeps_alive_works_without_memory(
    operation: Operation, bench: Bench, redis_url: str
) -> None:
    """All but submissions, and coming to read what is kept."""
    send = await operation.prepare(bench)
    through = Connection(redis_url, name="through")
    await bench.connection.call("CONFIG", "SET", "maxmemory", "1")
    try:
        result = await send(through)
    finally:
        await bench.connection.call("CONFIG", "SET", "maxmemory", "0")
    if isinstance(result, AbstractAsyncContextManager):
        await result.__aexit__(None, None, None)
    await through.close()


# --- what a server that lost the end of its data is told by clients that remember it


@pytest.mark.parametrize("known", [0, 3])
async def test_calls_beyond_what_the_server_knows_are_not_accepted(
    bench: Bench, known: int
) -> None:
    """There would be a gap; and nothing else is put into it."""
    neighbour = chunk(count=7)
    await bench.submit("C", neighbour)
    if known:
        await bench.submit("C", chunk(count=known, number=2))
    beyond = chunk(first=5, count=4, total=9, number=2)
    assert await bench.submit("C", neighbour, beyond) == [7, -1]
    taken = await bench.take("W")
    assert [one.payload for one in taken if one.job == "C-2"] == [b"c0", b"c1", b"c2"][:known]
