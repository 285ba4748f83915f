"""A state machine over the real scripts: whatever processes may do, in whatever order, at any time.

After each step the server is compared with the model, and with the promises that need no model.
One rule for each fault of a network or a process; those say so in their first line.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from redis.connection import AbstractConnection
from store_bench import CHUNK

from lionherd_dist.store.calls import Taken
from lionherd_dist.store.jobs import Chunk, cancel_request, submit_request
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import Script
from lionherd_dist.store.sessions import Capacity, hello
from model.driver import Driver, Pen, Request, written
from model.life import Life
from model.promises import Ledger
from model.values import Part
from model.views import expected, seen

TTL_MS = 2_000
INBOX_MS = 10**9  # times to live run by the server's clock, which no test moves
FAR_LEFT_MS = 10**15
KEEP_MS = 10**8
KEPT_CAP = 10**6

Step = Callable[[Life, int], object]
picks = st.integers(0, 10**6)
few = st.integers(0, 3)
limits = st.sampled_from((0, 1, 1, 1, 2, 3))


@dataclass
class Client:
    """A client as it sees itself: how far each job was sent."""

    sent: dict[int, int] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)
    shape: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)


class Machine(RuleBasedStateMachine):
    """Bind *link*, and for a mutant *replaced*, in a subclass."""

    link: AbstractConnection
    replaced: Mapping[str, Script] = {}

    def __init__(self) -> None:
        super().__init__()
        self.keys = Keys("model")
        self.driver = Driver(self.link, self.keys, self.replaced)
        self.driver.clear()
        self.life, self.ledger, self.now = Life(), Ledger(), 1_000_000
        self.numbers: dict[bytes, int] = {}
        self.outcomes: dict[tuple[str, bytes], int] = {}
        self.log: list[tuple[Request, Step]] = []
        self.clients: dict[str, Client] = {}
        self.workers: dict[str, list[Taken]] = {}
        self.taken: list[tuple[str, Taken]] = []
        self.runs: dict[bytes, Taken] = {}  # what is left of an entry of which calls have ended
        self.sound = True

    # --- a step: the request, the model's view of it, the comparison

    def act(self, request: Request, step: Step) -> object:
        """Send *request* and hold the reply and the server against the model."""
        self.sound = False
        reply = self.driver.send(request, self.now)
        found = self.driver.look()
        answer = step(self.life, self.now)
        self._name_entries(found.content.get("calls"))
        for id_, job in self.life.jobs.items():
            self._name_outcomes(id_, job.unread, found.content.get(f"job:{id_}:outcomes"))
        is_, to_be = seen(found, self.numbers, self.outcomes), expected(self.life)
        for part, value in to_be.items():
            assert is_[part] == value, f"{part} after {request}: {is_[part]}, not {value}"
        if answer is not None:
            assert reply == answer, f"{request} is answered {reply!r}, not {answer!r}"
        self.ledger.note(found)
        self.ledger.check(found)
        self.sound = True
        return reply

    def _name_entries(self, stream: object) -> None:
        if stream is None:  # it begins anew, and so may its ids
            self.numbers.clear()
            self.runs.clear()
        elif len(stream) == len(self.life.stream):  # type: ignore[arg-type]
            for (entry, _), number in zip(stream, self.life.stream, strict=True):  # type: ignore[call-overload]
                assert self.numbers.setdefault(entry, number) == number

    def _name_outcomes(self, id_: str, unread: Mapping[int, object], stream: object) -> None:
        if len(stream or ()) == len(unread):  # type: ignore[arg-type]
            for (entry, _), number in zip(stream or (), unread, strict=True):  # type: ignore[call-overload]
                assert self.outcomes.setdefault((id_, entry), number) == number

    def ask(self, request: Request, step: Step) -> object:
        """The same, and the request may come again at any time later."""
        self.log.append((request, step))
        return self.act(request, step)

    # --- who there is

    @initialize(slots=st.integers(1, 3))
    def begin(self, slots: int) -> None:
        self.join(f"c{len(self.clients)}", 0)
        self.join("w0", slots)

    def join(self, name: str, slots: int) -> None:
        capacity = Capacity(slots, ("t",) if slots else ())
        request = written(hello(Pen(), self.keys, name, ttl_ms=TTL_MS, capacity=capacity))  # type: ignore[arg-type]
        if slots:
            self.workers[name] = []
        else:
            self.clients[name] = Client()
        # A session's id is said once: a process that has no answer tries another.
        reply = self.act(request, lambda life, now: life.hello(name, now, TTL_MS, slots) and None)
        assert reply

    def someone_joins(self, pick: int) -> None:
        if len(self.live(self.clients)) < 2:
            self.join(f"c{len(self.clients)}", 0)
        if len(self.live(self.workers)) < 3:
            self.join(f"w{len(self.workers)}", 1 + pick % 4)

    def hello_with_a_taken_name(self, pick: int) -> None:
        """Nobody is registered twice."""
        name = self.someone(pick)
        if name not in self.life.sessions:
            return
        capacity = Capacity(2, ("t",))
        request = written(hello(Pen(), self.keys, name, ttl_ms=TTL_MS, capacity=capacity))  # type: ignore[arg-type]
        self.act(request, lambda life, now: [] if not life.hello(name, now, TTL_MS, 2) else None)

    def live(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.life.lives(name, self.now)]

    def one_of(self, names: Iterable[str], pick: int) -> str:
        """One that lives, nearly always, if any does; else any that ever was."""
        every = list(names)
        among = (pick % 8 and self.live(every)) or every
        return among[pick // 8 % len(among)]

    def someone(self, pick: int) -> str:
        return self.one_of([*self.clients, *self.workers], pick)

    # --- clients

    def chunk(self, client: str, number: int, count: int, resent: int, end: bool) -> Chunk:
        """The next calls of a job, with the last *resent* ones again, as after a lost reply."""
        own = self.clients[client]
        sent = own.sent.get(number, 0)
        first = max(0, sent - resent)
        if number in own.totals:
            count = 0
        elif end:
            own.totals[number] = sent + count
        own.sent[number] = sent + count
        limit, cap, left_ms, keep_ms = own.shape[number]
        calls = [b"%s-%d:%d" % (client.encode(), number, i) for i in range(first, sent + count)]
        return replace(
            CHUNK,
            number=number,
            limit=limit,
            cap=cap,
            left_ms=left_ms,
            keep_ms=keep_ms,
            first=first,
            total=own.totals.get(number, -1),
            calls=calls,
        )

    def submit(self, client: str, chunks: Sequence[Chunk]) -> None:
        script, names, args = submit_request(self.keys, client, chunks)
        parts = [
            Part(**{name: getattr(chunk, name) for name in Part.__slots__}) for chunk in chunks
        ]
        request = Request(script.name, tuple(names), tuple(args))
        reply = self.ask(request, lambda life, now: life.submit(client, now, parts))
        for chunk, count in zip(chunks, reply or (), strict=False):  # type: ignore[call-overload]
            if count >= 0:
                self.ledger.accepted[f"{client}-{chunk.number}"] = count

    @rule(
        who=picks,
        count=st.integers(1, 12),
        shape=st.tuples(limits, st.integers(1, 16), st.sampled_from((-1, 0, 5_000, FAR_LEFT_MS))),
        end=st.booleans(),
        more=st.booleans(),
        kept=st.sampled_from((False, False, True)),
    )
    def open_jobs(
        self,
        *,
        who: int,
        count: int,
        shape: tuple[int, int, int],
        end: bool,
        more: bool,
        kept: bool = False,
    ) -> None:
        """*shape* is limit, cap and the time left; who keeps outcomes has room for all of them."""
        limit, cap, left_ms = shape
        if not self.live(self.clients) or not self.live(self.workers):
            self.someone_joins(who)
        client = self.one_of(self.clients, who)
        own = self.clients[client]
        chunks: list[Chunk] = []
        for _ in range(1 + more):
            number = len(own.sent) + 1
            own.shape[number] = (
                (limit, KEPT_CAP, left_ms, KEEP_MS) if kept else (limit, cap, left_ms, 0)
            )
            chunks.append(self.chunk(client, number, count, 0, end))
        self.submit(client, chunks)

    @precondition(lambda self: any(own.sent for own in self.clients.values()))
    @rule(which=picks, count=st.integers(0, 4), resent=few, end=st.booleans(), read=picks)
    def go_on(self, which: int, count: int, resent: int, end: bool, read: int) -> None:
        """A job hears of more calls, of its end, of outcomes that were read."""
        every = [(name, number) for name, own in self.clients.items() for number in own.sent]
        open_ = [(name, number) for name, number in every if f"{name}-{number}" in self.life.jobs]
        every = (which % 8 and open_) or every
        client, number = every[which % len(every)]
        self.go_on_with(client, number, count, resent, end=end, unread=read % 3)

    def go_on_with(
        self,
        client: str,
        number: int,
        count: int = 0,
        resent: int = 0,
        *,
        end: bool = False,
        unread: int = 0,
    ) -> None:
        """The next chunk of a job; all its outcomes but *unread* are said to be consumed."""
        arrived = sum(1 for job, _ in self.ledger.recorded if job == f"{client}-{number}")
        chunk = self.chunk(client, number, count, resent, end)
        self.submit(client, [replace(chunk, consumed=max(0, arrived - unread))])

    def read_inbox(self, who: int) -> None:
        """What was read is dropped from the server."""
        client = self.one_of(self.clients, who)
        self.driver.ask("XTRIM", self.keys.inbox(client), "MAXLEN", 0)
        self.life.inboxes.pop(client, None)

    @precondition(lambda self: self.ledger.accepted)
    @rule(which=picks, more=st.booleans(), who=picks)
    def cancel(self, which: int, more: bool, who: int) -> None:
        every = (which % 4 and list(self.life.jobs)) or list(self.ledger.accepted)
        ids = [every[(which + step) % len(every)] for step in range(1 + more)]
        self.cancel_jobs(ids, by=ids[0].rpartition("-")[0] if who % 3 else "")

    def cancel_jobs(self, ids: Sequence[str], *, by: str = "") -> None:
        """*by* is a client, or "" for an operator."""
        script, names, args = cancel_request(self.keys, ids, by=by)
        self.ledger.given_up.update(id_ for id_ in ids if id_ in self.life.jobs)
        request = Request(script.name, tuple(names), tuple(args))
        self.ask(request, lambda life, _: life.cancel(ids, by))

    @precondition(lambda self: self.life.jobs)
    @rule(which=picks, gap=st.integers(1, 3))
    def chunk_after_a_lost_one(self, which: int, gap: int) -> None:
        """A fault of the server: it lost the end of its data, and with it a chunk."""
        id_ = list(self.life.jobs)[which % len(self.life.jobs)]
        client, _, number = id_.rpartition("-")
        first = self.life.jobs[id_].next + gap
        chunk = replace(CHUNK, number=int(number), first=first, calls=[b"out of turn"])
        self.submit(client, [chunk])
