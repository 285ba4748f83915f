"""The reading side of the machine: kept jobs, their readers, and the end of their time."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from lionherd_dist.store import kept as verbs
from model import kept
from model.driver import Pen, written
from model.machine import Machine, picks


class Reading(Machine):
    """What readers do. Each takes outcomes in order, from where the job said that it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.reading: dict[tuple[str, str], int] = {}

    def kept_jobs(self) -> list[str]:
        return [id_ for id_, job in self.life.jobs.items() if job.keep_ms]

    @precondition(lambda self: self.kept_jobs())
    @rule(who=picks, which=picks)
    def attach(self, who: int, which: int) -> None:
        """Anybody may ask for any job that is kept; at times for one that is not, or is gone."""
        among = (which % 8 and self.kept_jobs()) or list(self.ledger.accepted)
        if among:
            self.attach_as(self.someone(who), among[which // 8 % len(among)])

    def attach_as(self, reader: str, id_: str) -> object:
        request = written(verbs.attach(Pen(), self.keys, reader, id_))  # type: ignore[arg-type]
        reply = self.ask(request, lambda life, now: kept.attach(life, reader, id_, now))
        match reply:
            case [1, _, _]:
                self.reading[reader, id_] = 0
        return reply

    @precondition(lambda self: self.reading)
    @rule(which=picks, count=st.integers(1, 4))
    def read_on(self, which: int, count: int) -> None:
        """A reader, current or displaced, is done with its next few."""
        readers = list(self.reading)
        at_work = [(who, id_) for who, id_ in readers if self._next(who, id_)]
        readers = (which % 8 and at_work) or readers
        for _ in range(count):
            self.advance_as(*readers[which // 8 % len(readers)])

    def _next(self, reader: str, id_: str) -> int:
        """The next outcome past what this reader is done with; 0 if there is none."""
        job, done_with = self.life.jobs.get(id_), self.reading[reader, id_]
        return next((n for n in job.unread if n > done_with), 0) if job else 0

    def advance_as(self, reader: str, id_: str) -> None:
        number = self._next(reader, id_)
        entries = {n: entry for (job, entry), n in self.outcomes.items() if job == id_}
        if number:
            self.reading[reader, id_] = number
            self.tell(reader, id_, number, entries[number])

    def tell(self, reader: str, id_: str, number: int, entry: bytes) -> None:
        """Say that the outcome *number*, in *entry*, is done with."""
        verb = verbs.advance(Pen(), self.keys, reader, id_, entry)  # type: ignore[arg-type]
        request = written(verb)
        self.ask(request, lambda life, _: kept.advance(life, reader, id_, number))

    @precondition(lambda self: self.reading)
    @rule(which=picks)
    def detach(self, which: int) -> None:
        self.detach_as(*list(self.reading)[which % len(self.reading)])

    def detach_as(self, reader: str, id_: str) -> None:
        request = written(verbs.detach(Pen(), self.keys, reader, id_))  # type: ignore[arg-type]
        self.ask(request, lambda life, _: kept.detach(life, reader, id_))

    @precondition(lambda self: any(self.life.kept.values()))
    @rule(which=picks)
    def kept_long_enough(self, which: int) -> None:
        """The server's clock is not ours to move: the keys go as they would when their time is up.

        That they have just that time to live is among the promises.
        """
        done = [id_ for id_, at in self.life.kept.items() if at and id_ in self.life.jobs]
        if done:
            self.expire(done[which % len(done)])

    def expire(self, id_: str) -> None:
        job = self.keys.job(id_)
        self.driver.ask("DEL", job, f"{job}:outcomes")
        self.ledger.given_up.add(id_)
        kept.expire(self.life, id_)

    def read_to_the_end(self, reader: str) -> None:
        """All that is kept; what was read before its length was known ends by its time."""
        for id_ in self.kept_jobs():
            match self.attach_as(reader, id_):
                case [0, bytes(other)]:
                    self.attach_as(other.decode(), id_)
            who = str(self.life.jobs[id_].reader)
            while id_ in self.life.jobs and self._next(who, id_):
                self.advance_as(who, id_)
            if id_ in self.life.jobs:
                self.expire(id_)
