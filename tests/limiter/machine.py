"""A state machine over the limiter's scripts: whatever processes do, in whatever order.

After each step the server is compared with ``rules.World``, and with the promises that need no
model: never more tokens out than there are, fences that only grow, no free token while somebody
waits. Time is passed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from model.driver import Driver, Pen, Request, written
from redis.connection import AbstractConnection
from store_bench import CHUNK

from limiter.rules import Wish, World
from lionherd_dist.store.calls import Calls, Done, Taken, taken_of
from lionherd_dist.store.jobs import Tokens, cancel_request, submit_request
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.limits import Ask, Lent, leave_request, lend_request, lent_of, resize, tend
from lionherd_dist.store.scripts import Script
from lionherd_dist.store.sessions import NO_CAPACITY, Capacity, hello

NAME = "api"
TTL_MS = 2_000
LONG_MS = 10**12
SLOTS = 3

picks = st.integers(0, 10**6)
few = st.integers(0, 3)


@dataclass
class Process:
    """A session as its own process sees it."""

    number: int = 0
    open: list[int] = field(default_factory=list)  # numbers that it has not ended yet
    ended: list[int] = field(default_factory=list)


class Machine(RuleBasedStateMachine):
    """Bind *link*, and for a mutant *replaced*, in a subclass."""

    link: AbstractConnection
    replaced: Mapping[str, Script] = {}

    def __init__(self) -> None:
        super().__init__()
        self.keys = Keys("limiter-model")
        self.driver = Driver(self.link, self.keys, self.replaced)
        self.driver.clear()
        self.now = 1_000_000
        self.count = self.jobs = 0
        self.best_fence = 0
        self.sent: list[tuple[str, Ask]] = []
        self.processes: dict[str, Process] = {}
        self.taken: dict[tuple[str, int], Taken] = {}
        self.stopping: set[tuple[str, int]] = set()
        self._begin()

    def _begin(self) -> None:
        self.world = World(window=2 * SLOTS)
        for name, slots in (("m", 0), ("w", SLOTS)):
            self._hello(name, slots, LONG_MS)

    def _hello(self, name: str, slots: int, ttl_ms: int) -> None:
        capacity = Capacity(slots, ("t",)) if slots else NO_CAPACITY
        verb = hello(Pen(), self.keys, name, ttl_ms=ttl_ms, capacity=capacity)  # type: ignore[arg-type]
        assert self.driver.send(written(verb), self.now)
        self.world.sessions[name] = self.now + ttl_ms

    # --- the comparison

    def check(self) -> None:
        """The server holds what the rules say, and what no rule may break; a moment passes."""
        self.now += 1
        found = self.driver.look().content
        limiter, key = self.world.limiter, f"limit:{NAME}"
        held = _scores(found.get(key + ":held"))
        queue = [member.decode() for member in _members(found.get(key + ":queue"))]
        if limiter is None:
            assert not [name for name in found if name.startswith("limit")]
            return
        assert held == limiter.held
        assert queue == limiter.queue
        assert _numbers(found.get(key + ":seen")) == limiter.seen
        assert key in found
        for name in (one for one in found if one.startswith(key)):
            left_ms = self.driver.ask("PTTL", self.keys.prefix + name)
            assert isinstance(left_ms, int)
            assert left_ms > 0, f"{name} would stay for ever"
        facts = _table(found[key])
        assert int(facts[b"total"]) == limiter.total
        assert (b"fixed" in facts) == limiter.fixed
        assert float(facts[b"fence"]) == limiter.fence
        for fence in sorted(set(held.values())):
            self.best_fence = max(self.best_fence, fence)
        assert len(set(held.values())) == len(held)
        told = {
            name: [pair for _, fields in stream for pair in _pairs(fields)]  # type: ignore[attr-defined]
            for name, stream in ((n[6:], s) for n, s in found.items() if n.startswith("inbox:"))
        }
        told = {name: pairs for name, pairs in told.items() if pairs}
        assert told == self.world.told
        for name in told:
            self.driver.ask("DEL", self.keys.inbox(name))
        self.world.told.clear()

    def fair(self) -> None:
        """No token is free while somebody who lives waits, unless the limiter is shut."""
        limiter = self.world.limiter
        if limiter is None or self.now < limiter.shut or len(limiter.held) >= limiter.total:
            return
        owners = {member.partition("/")[0] for member in limiter.queue}
        assert not [one for one in owners if "-" not in one and self.world.lives(one, self.now)]

    # --- processes

    @rule()
    def someone_joins(self) -> None:
        if sum(self.world.lives(name, self.now) for name in self.processes) >= 3:
            return
        name = f"p{self.count}"
        self.count += 1
        self.processes[name] = Process()
        self._hello(name, 0, TTL_MS)
        self.check()

    def one(self, pick: int) -> str:
        """One that lives, nearly always, if any does; else any that ever was."""
        every = list(self.processes)
        living = [name for name in every if self.world.lives(name, self.now)]
        among = (pick % 8 and living) or every
        return among[pick // 8 % len(among)]

    @precondition(lambda self: self.processes)
    @rule(
        who=picks,
        count=st.integers(0, 4),
        hasty=st.integers(0, 2),
        ends=picks,
        look=st.booleans(),
        total=st.integers(1, 4),
        shut=st.sampled_from((0, 0, 0, -TTL_MS)),
    )
    def lend(
        self, *, who: int, count: int, hasty: int, ends: int, look: bool, total: int, shut: int
    ) -> None:
        """New requests, some that do not wait, and ends of some that were made before."""
        name = self.one(who)
        process = self.processes[name]
        first = process.number + 1
        process.number += count + hasty
        numbers = range(first, first + count + hasty)
        over = [number for place, number in enumerate(process.open) if ends >> place & 1]
        process.open = [number for number in process.open if number not in over] + [*numbers]
        process.ended += over
        ask = Ask(
            name=NAME,
            total=total,
            quarantine_ms=shut,
            look=look,
            first=first,
            new=count + hasty,
            ends=over,
            impatient=list(numbers[count:]),
            waiting=[number for number in process.open if number < first] if look else (),
        )
        self.sent.append((name, ask))
        self.ask(name, ask)

    def ask(self, name: str, ask: Ask) -> None:
        script, names, args = lend_request(self.keys, name, ask)
        reply = self.driver.send(Request(script.name, tuple(names), tuple(args)), self.now)
        wish = Wish(
            ask.first,
            ask.new,
            tuple(ask.ends),
            tuple(ask.impatient),
            ask.look,
            tuple(ask.waiting),
        )
        answer = self.world.lend(name, self.now, ask.total, ask.quarantine_ms, wish)
        lent = lent_of(reply, ask)  # type: ignore[arg-type]
        if answer is None:
            assert lent is None
        else:
            assert isinstance(lent, Lent)
            granted = list(lent.granted)
            assert granted == answer[0]
            assert lent.tokens == len(granted)
            for _, fence in granted:
                assert fence > self.best_fence
            assert (None if lent.looked is None else lent.looked.ours) == answer[1]
            assert lent.looked is None or lent.looked.lost == answer[2]
            assert self.world.limiter is not None
            assert lent.borrowed == len(self.world.limiter.held)
            assert lent.waiting == len(self.world.limiter.queue)
            assert lent.total == self.world.limiter.total
        self.check()
        if answer is not None:
            self.fair()

    @precondition(lambda self: self.sent)
    @rule(which=picks, recent=st.booleans())
    def said_again(self, which: int, recent: bool) -> None:
        """A fault of the network: a message comes twice, the second time at any time later."""
        among = self.sent[-3:] if recent else self.sent
        self.ask(*among[which % len(among)])

    @precondition(lambda self: any(one.ended for one in self.processes.values()))
    @rule(which=picks)
    def what_ended_is_asked_for_again(self, which: int) -> None:
        """A fault of the network: a request comes once more, after its token went back."""
        every = [(name, n) for name, one in self.processes.items() for n in one.ended]
        name, number = every[which % len(every)]
        self.ask(name, Ask(NAME, 2, 0, look=False, first=number, new=1, ends=(), impatient=()))

    @precondition(lambda self: self.processes)
    @rule(who=picks)
    def leave(self, who: int) -> None:
        name = self.one(who)
        self.processes[name].open.clear()
        self._leave(name)

    @precondition(lambda self: self.world.jobs)
    @rule(which=picks)
    def send_a_job_away(self, which: int) -> None:
        """Somebody takes its tokens, and its place."""
        self._leave(list(self.world.jobs)[which % len(self.world.jobs)])
        self.fair()

    def _leave(self, name: str) -> None:
        script, names, args = leave_request(self.keys, name, NAME)
        reply = self.driver.send(Request(script.name, tuple(names), tuple(args)), self.now)
        assert reply == self.world.leave(name, self.now)
        self.check()

    @precondition(lambda self: self.processes)
    @rule(who=picks)
    def beat(self, who: int) -> None:
        name = self.one(who)
        names = (self.keys.sessions, self.keys.inbox(name), self.keys.prefix)
        request = Request("beat", names, (name, "", TTL_MS, 4 * TTL_MS))
        alive = self.world.lives(name, self.now)
        assert self.driver.send(request, self.now) == [int(alive), self.now]
        if alive:
            self.world.sessions[name] = self.now + TTL_MS

    @rule(ms=st.sampled_from((1, 200, 900, TTL_MS - 1, TTL_MS)))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @precondition(lambda self: self.processes)
    @rule(who=picks, then=st.sampled_from(("beat", "tend", "lend")))
    def one_expires_at_this_moment(self, who: int, then: str) -> None:
        """And all others live on; what is theirs, and what was its, shows at the next word."""
        name = self.one(who)
        living = [one for one in self.processes if self.world.lives(one, self.now)]
        self.now = max(self.now, self.world.sessions.get(name, 0))
        for other in living:
            if other != name:
                self.driver.ask("ZADD", self.keys.sessions, self.now + TTL_MS, other)
                self.world.sessions[other] = self.now + TTL_MS
        if then == "beat":
            self.beat(who)
        elif then == "tend":
            self.tend()
        else:
            ask = Ask(NAME, 2, 0, look=True, first=10**6, new=0, ends=(), impatient=())
            self.ask(name, ask)

    @rule()
    def tend(self) -> None:
        """What a worker does three times per session."""
        request = written(tend(Pen(), self.keys))  # type: ignore[arg-type]
        assert self.driver.send(request, self.now) == self.world.tend(self.now)
        self.check()
        self.fair()

    @rule(total=st.integers(0, 5))
    def resize(self, total: int) -> None:
        verb = resize(Pen(), self.keys, NAME, total, quarantine_ms=0)  # type: ignore[arg-type]
        assert self.driver.send(written(verb), self.now) == self.world.resize(self.now, total)
        self.check()
        self.fair()

    @rule()
    def lose_all(self) -> None:
        """A fault of the server: it comes back empty; later fences are larger all the same."""
        self.driver.clear()
        self.now += 1_000
        self.taken.clear()
        self.stopping.clear()
        self._begin()
        self.check()

    @precondition(lambda self: self.world.limiter)
    @rule(fences=st.integers(1, 2_000), places=st.booleans())
    def lose_the_last(self, fences: int, places: bool) -> None:
        """A fault of the server: it comes back without the last that it had said."""
        assert self.world.limiter is not None
        limiter, key = self.world.limiter, self.keys.limit(NAME)
        limiter.fence -= fences
        self.driver.ask("HSET", key, "fence", str(limiter.fence))
        if places:
            limiter.queue.clear()
            self.driver.ask("DEL", key + ":queue")
        self.check()

    # --- jobs whose calls need a token

    @rule(calls=st.integers(1, 8), tokens=st.integers(1, 4))
    def submit(self, calls: int, tokens: int) -> None:
        self.jobs += 1
        chunk = replace(
            CHUNK,
            number=self.jobs,
            total=calls,
            calls=[b"c"] * calls,
            limiter=Tokens(NAME, tokens, 0),
        )
        script, names, args = submit_request(self.keys, "m", [chunk])
        request = Request(script.name, tuple(names), tuple(args))
        assert self.driver.send(request, self.now) == [calls]
        self.world.submit(f"m-{self.jobs}", self.now, calls, tokens, 0)
        self.check()
        assert self.driver.send(request, self.now)  # twice is once
        self.check()
        self.fair()

    @rule(most=st.integers(1, 6))
    def take(self, most: int) -> None:
        for entry, fields in self.driver.read("w", most, ">"):
            taken = taken_of(entry, fields)
            assert taken.index in self.world.jobs[taken.job].hand
            self.taken[taken.job, taken.index] = taken

    @precondition(lambda self: self.taken)
    @rule(which=picks, again=st.booleans())
    def finish(self, which: int, again: bool) -> None:
        """A call ends, and is sometimes said to have ended once more."""
        place = list(self.taken)[which % len(self.taken)]
        taken = self.taken.pop(place)
        calls = Calls(self.keys, "w")
        request = written(calls.finish(Pen(), [Done(taken, b"ok")]))  # type: ignore[arg-type]
        assert self.driver.send(request, self.now) == [1, 0, []]
        if place in self.stopping:
            self.stopping.discard(place)
            self.world.stopped(*place, self.now)
        else:
            self.world.finish(*place, self.now)
        self.driver.ask("DEL", self.keys.inbox("m"))
        self.check()
        if again:
            assert self.driver.send(request, self.now) == [0, 1, []]
            self.check()
        self.fair()

    @precondition(lambda self: self.world.jobs)
    @rule(which=picks, again=st.booleans())
    def cancel(self, which: int, again: bool) -> None:
        id_ = list(self.world.jobs)[which % len(self.world.jobs)]
        running = {index for job, index in self.taken if job == id_}
        script, names, args = cancel_request(self.keys, [id_], by="m")
        request = Request(script.name, tuple(names), tuple(args))
        assert self.driver.send(request, self.now) == [len(running)]
        self.stopping |= {(id_, index) for index in running}
        self.world.cancel(id_, running, self.now)
        self.check()
        if again:
            self.driver.send(request, self.now)
            self.check()
        self.fair()


# --- what the server's types look like


def _members(flat: object) -> list[bytes]:
    return list(flat or ())[::2]  # type: ignore[call-overload]


def _table(flat: object) -> dict[bytes, bytes]:
    every = list(flat or ())  # type: ignore[call-overload]
    return dict(zip(every[::2], every[1::2], strict=True))


def _scores(flat: object) -> dict[str, int]:
    return {member.decode(): int(float(score)) for member, score in _table(flat).items()}


def _numbers(flat: object) -> dict[str, int]:
    return {member.decode(): int(value) for member, value in _table(flat).items()}


def _pairs(fields: list[bytes]) -> list[tuple[int, int]]:
    if fields[0] != b"l":
        return []
    return list(zip(map(int, fields[2::2]), map(int, fields[3::2]), strict=True))
