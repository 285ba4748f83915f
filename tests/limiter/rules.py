"""What a limiter is to do, in plain Python: the scripts are held against this."""

from dataclasses import dataclass, field


@dataclass
class Job:
    """A job whose calls need a token each: *left* wait at the server, *hand* are released."""

    left: int
    released: int = 0
    total: int = 0
    hand: set[int] = field(default_factory=set)


@dataclass
class Limiter:
    """Holders and queue name requests: ``P/n``, ``J/index``; a job waits as ``J``."""

    total: int
    fence: int
    shut: int
    fixed: bool = False
    held: dict[str, int] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


@dataclass
class World:
    """One limiter, the sessions and the jobs that use it."""

    window: int
    sessions: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    limiter: Limiter | None = None
    told: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def lives(self, owner: str, now: int) -> bool:
        """A job lives while it is known, a session until it expires."""
        return owner in self.jobs if "-" in owner else self.sessions.get(owner, 0) > now

    def opened(self, now: int, total: int, quarantine: int) -> Limiter:
        """The limiter, made if it is not there."""
        if self.limiter is None:
            self.limiter = Limiter(total, 0, now - quarantine if quarantine < 0 else 0)
        return self.limiter

    def closed(self) -> None:
        """Nobody uses it: it is forgotten, unless somebody set its total."""
        limiter = self.limiter
        if limiter is None or limiter.seen:
            return
        limiter.held.clear()
        limiter.queue.clear()
        if not limiter.fixed:
            self.limiter = None

    # --- verbs

    def lend(
        self, session: str, now: int, total: int, quarantine: int, ask: "Wish"
    ) -> tuple[list[tuple[int, int]], dict[int, int] | None, list[int]] | None:
        """What is lent to *session*; all that is its, if it looked; and the places that it lost."""
        if not self.lives(session, now):
            return None
        limiter = self.opened(now, total, quarantine)
        if session not in limiter.seen or ask.look:
            self._drop_dead(now)
        upto = limiter.seen.setdefault(session, 0)
        for number in range(max(ask.first, upto + 1), ask.first + ask.count):
            limiter.seen[session] = number
            self._enqueue(f"{session}/{number}")
        for number in ask.ends:
            self._forget(f"{session}/{number}")
        lent = self._serve(now, own=session)
        for number in ask.impatient:
            if f"{session}/{number}" in limiter.queue:
                limiter.queue.remove(f"{session}/{number}")
        ours = {
            int(member.partition("/")[2]): fence
            for member, fence in limiter.held.items()
            if member.startswith(session + "/")
        }
        there = {*limiter.queue, *limiter.held}
        lost = [number for number in ask.waiting if f"{session}/{number}" not in there]
        return lent, ours if ask.look else None, lost

    def leave(self, session: str, now: int) -> int:
        """1 if there was something to leave."""
        if self.limiter is None:
            return 0
        self._drop(session)
        if session in self.jobs:
            self._wants(session)
        self._serve(now)
        self.closed()
        return 1

    def resize(self, now: int, total: int) -> int:
        """The total before; -1 if it is new."""
        before = -1 if self.limiter is None else self.limiter.total
        limiter = self.opened(now, total, 0)
        limiter.total, limiter.fixed = total, True
        self._serve(now)
        self.closed()
        return before

    def tend(self, now: int) -> int:
        """How many limiters were looked at."""
        if self.limiter is None:
            return 0
        self._drop_dead(now)
        for id_ in [owner for owner in self.limiter.seen if owner in self.jobs]:
            self._wants(id_)
        self._serve(now)
        self.closed()
        return 1

    def submit(self, id_: str, now: int, calls: int, tokens: int, quarantine: int) -> None:
        """A whole job."""
        self.jobs[id_] = Job(calls, total=calls)
        self.opened(now, tokens, quarantine)
        self._wants(id_)
        self._serve(now)
        self.closed()

    def finish(self, id_: str, index: int, now: int) -> None:
        """A call has its outcome."""
        job = self.jobs[id_]
        job.hand.discard(index)
        if self.limiter is not None:
            self.limiter.held.pop(f"{id_}/{index}", None)
        if job.left or job.hand:
            self._wants(id_)
        else:
            self._over(id_)
        self._after(now)

    def cancel(self, id_: str, running: set[int], now: int) -> None:
        """A job is given up: what nobody runs is dropped, and with it the tokens."""
        job = self.jobs[id_]
        for index in job.hand - running:
            if self.limiter is not None:
                self.limiter.held.pop(f"{id_}/{index}", None)
        job.hand &= running
        job.left = 0
        if not job.hand:
            self._over(id_)
        self._after(now)

    def stopped(self, id_: str, index: int, now: int) -> None:
        """A running call of a cancelled job has ended."""
        job = self.jobs[id_]
        job.hand.discard(index)
        if self.limiter is not None:
            self.limiter.held.pop(f"{id_}/{index}", None)
        if not job.hand:
            self._over(id_)
        self._after(now)

    # --- what they are made of

    def _after(self, now: int) -> None:
        if self.limiter is not None:
            self._serve(now)
            self.closed()

    def _over(self, id_: str) -> None:
        del self.jobs[id_]
        if self.limiter is not None:
            self.limiter.seen.pop(id_, None)
            self._forget(id_)

    def _wants(self, id_: str) -> None:
        if self.limiter is not None and self.jobs[id_].left:
            self.limiter.seen.setdefault(id_, 0)
            self._enqueue(id_)

    def _enqueue(self, member: str) -> None:
        assert self.limiter is not None
        if member not in self.limiter.queue:
            self.limiter.queue.append(member)

    def _forget(self, member: str) -> None:
        assert self.limiter is not None
        self.limiter.held.pop(member, None)
        if member in self.limiter.queue:
            self.limiter.queue.remove(member)

    def _drop(self, owner: str) -> None:
        assert self.limiter is not None
        self.limiter.seen.pop(owner, None)
        for member in [*self.limiter.held, *self.limiter.queue]:
            if member == owner or member.startswith(owner + "/"):
                self._forget(member)

    def _drop_dead(self, now: int) -> None:
        assert self.limiter is not None
        for owner in [owner for owner in self.limiter.seen if not self.lives(owner, now)]:
            self._drop(owner)

    def _hold(self, member: str, now: int) -> int:
        assert self.limiter is not None
        self.limiter.fence = max(self.limiter.fence, now * 2000) + 1
        self.limiter.held[member] = self.limiter.fence
        return self.limiter.fence

    def _serve(self, now: int, own: str = "") -> list[tuple[int, int]]:
        """Lend what is free, in order; what is lent to *own*, the others are told."""
        limiter, lent = self.limiter, []
        assert limiter is not None
        if now < limiter.shut:
            return []
        free = limiter.total - len(limiter.held)
        while free > 0 and limiter.queue:
            heads, limiter.queue = limiter.queue[:free], limiter.queue[free:]
            for place, head in enumerate(heads, 1):
                owner, _, number = head.partition("/")
                if not number:
                    free -= self._lend_to_job(owner, free - (len(heads) - place), now)
                elif self.lives(owner, now):
                    token = (int(number), self._hold(head, now))
                    free -= 1
                    (lent if owner == own else self.told.setdefault(owner, [])).append(token)
        return lent

    def _lend_to_job(self, id_: str, free: int, now: int) -> int:
        limiter, job = self.limiter, self.jobs.get(id_)
        assert limiter is not None
        if job is None:
            return 0
        most = 1 if limiter.queue else free
        count = max(0, min(most, self.window - len(job.hand), job.left))
        for _ in range(count):
            job.hand.add(job.released)
            self._hold(f"{id_}/{job.released}", now)
            job.released += 1
            job.left -= 1
        if count and job.left:
            self._enqueue(id_)
        return count


@dataclass(frozen=True)
class Wish:
    """What one message asks for; as in ``store.limits.Ask``."""

    first: int
    count: int
    ends: tuple[int, ...] = ()
    impatient: tuple[int, ...] = ()
    look: bool = False
    waiting: tuple[int, ...] = ()
