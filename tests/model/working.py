"""The working side of the machine, the passing of time, and every request again."""

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from lionherd_dist.store.calls import Calls, Settled, Taken, taken_of
from lionherd_dist.store.keys import CONTROL_TTL_MS
from lionherd_dist.store.sessions import quit_
from model.driver import Pen, Request, written
from model.life import Life
from model.machine import KEEP_MS, TTL_MS, Step, few, picks
from model.reading import Reading
from model.words import said_of, settled_as, verdict_of

verbs = st.sampled_from(("done", "all", "all", "next", "next again", "again", "back", "dead"))
last_words = st.sampled_from(("done", "done", "done", "again", "back", "dead"))


class Whole(Reading):
    """All rules."""

    # --- workers

    @rule(who=picks, most=st.integers(1, 5))
    def take(self, who: int, most: int) -> None:
        """By anyone who ever was a worker: a read may still wait when its session is reaped."""
        self.take_as(self.one_of(self.workers, who), most)

    def take_as(self, worker: str, most: int) -> None:
        got = [taken_of(*one) for one in self.driver.read(worker, most, ">")]
        to_be = self.life.take(worker, most)
        assert [self.numbers[one.entry] for one in got] == to_be
        for one in got:
            for place, payload in enumerate((one.payload, *one.rest), one.index):
                assert payload == f"{one.job}:{place}".encode(), "I9: a payload is its call's"
        self.workers[worker] += got
        self.taken += [(worker, one) for one in got]

    def take_again(self, who: int) -> None:
        """A broken read: what it brought may never have arrived, and the server still has it."""
        worker = self.one_of(self.workers, who)
        got = [entry for entry, fields in self.driver.read(worker, 100, "0-0") if fields]
        if self.life.has_group:
            self.life.consumers.add(worker)
        held = [n for n, holder in self.life.pending.items() if holder == worker]
        assert [self.numbers[entry] for entry in got] == sorted(held)

    def finish(self, worker: str, settled: Sequence[Settled]) -> None:
        calls = Calls(self.keys, worker)
        request = written(calls.finish(Pen(), settled))  # type: ignore[arg-type]
        verdicts = [verdict_of(one, self.numbers.get(one.taken.entry, 0)) for one in settled]
        self.ask(request, lambda life, now: life.finish(worker, now, verdicts))

    @precondition(lambda self: any(self.workers.values()))
    @rule(who=picks, mask=picks, verb=verbs, other=verbs, delay=st.sampled_from((0, 40, 2_000)))
    def finish_some(self, who: int, mask: int, verb: str, other: str, delay: int) -> None:
        """A worker tells what became of some of its calls: the first one way, the rest another."""
        worker = self.one_of([name for name, hand in self.workers.items() if hand], who)
        hand = self.workers[worker]
        chosen = [one for place, one in enumerate(hand) if mask >> place & 1] or hand[:1]
        self.workers[worker] = [one for one in hand if one not in chosen]
        self.say(worker, chosen, [verb, *[other] * (len(chosen) - 1)], delay)

    def say(self, worker: str, calls: Sequence[Taken], verbs_: Sequence[str], delay: int) -> None:
        """Tell of *calls* what the verbs say, in one request."""
        settled: list[Settled] = []
        for one, verb in zip(calls, verbs_, strict=True):
            said, runs = said_of(one, verb, delay)
            settled += said
            if runs is not None:
                self.workers[worker].append(runs)
                self.runs[one.entry] = runs
        self.finish(worker, settled)

    @precondition(lambda self: any(self.workers.values()))
    @rule(who=picks, verb=verbs, more=st.booleans())
    def cancel_what_runs(self, who: int, verb: str, more: bool) -> None:
        """Neither the worker nor, sometimes, the owner's writer has heard of it."""
        worker = self.one_of([name for name, hand in self.workers.items() if hand], who)
        job = self.workers[worker][0].job
        self.cancel_jobs([job])
        client, _, number = job.rpartition("-")
        if more:
            self.go_on_with(client, int(number), 2)
        hand, self.workers[worker] = self.workers[worker], []
        self.say(worker, hand, [verb] * len(hand), 40)

    @precondition(lambda self: self.live(self.workers))
    @rule(who=picks, most=st.integers(1, 5), verb=verbs)
    def work(self, who: int, most: int, verb: str) -> None:
        """Take and finish; all that this worker has in hand."""
        self.work_as(self.one_of(self.live(self.workers), who), most, verb)

    def work_as(self, worker: str, most: int, verb: str) -> None:
        self.take_as(worker, most)
        hand, self.workers[worker] = self.workers[worker], []
        if hand:
            self.say(worker, hand, [verb] * len(hand), 40)

    @precondition(lambda self: self.taken)
    @rule(who=picks, which=picks, verb=last_words)
    def finish_what_was_ever_taken(self, who: int, which: int, verb: str) -> None:
        """A fault of a process: a zombie or an impostor tells of a hand-out, current or not."""
        worker = self.one_of(self.workers, who)
        _, taken = self.taken[which % len(self.taken)]
        taken = self.runs.get(taken.entry, taken)  # nobody ends an entry with a call that is over
        self.finish(worker, [settled_as(taken, verb, 40)])

    @precondition(lambda self: self.taken)
    @rule(which=picks, old=st.booleans())
    def alone(self, which: int, old: bool) -> None:
        """Mostly for what is in hand now, sometimes a word that comes late."""
        now = [taken for hand in self.workers.values() for taken in hand]
        among = [taken for _, taken in self.taken] if old or not now else now
        self.tell_alone(among[which % len(among)])

    def tell_alone(self, one: Taken) -> None:
        number = self.numbers.get(one.entry, 0)
        calls = Calls(self.keys, "any")
        request = written(calls.run_alone(Pen(), one))  # type: ignore[arg-type]
        self.ask(request, lambda life, _: life.alone(one.job, one.index, number))

    def promote(self, most: int) -> None:
        keys = self.keys
        names = (keys.calls, keys.due, keys.parked, keys.prefix)
        request = Request("promote", names, ("", most, 3_600_000))
        self.ask(request, lambda life, now: life.promote(now, most))

    # --- sessions and time

    def beat_of(self, name: str, ttl_ms: int = TTL_MS) -> None:
        self.ask(*self._beat(name, ttl_ms))

    def _beat(self, name: str, ttl_ms: int) -> tuple[Request, Step]:
        names = (self.keys.sessions, self.keys.inbox(name), self.keys.prefix)
        request = Request("beat", names, (name, "", ttl_ms, 4 * TTL_MS))
        return request, lambda life, now: life.beat(name, now, ttl_ms)

    @precondition(lambda self: any(self.workers.values()))
    @rule(who=picks, times=few)
    def runs_alone_and_dies(self, who: int, times: int) -> None:
        """A fault of a process: a call ends every worker that runs it alone."""
        for _ in range(times):
            worker = self.one_of([name for name, hand in self.workers.items() if hand], who)
            self.tell_alone(self.workers[worker][0])
            self.a_process_dies(worker, 0, reap=200)
            self.join(f"w{len(self.workers)}", 1)
            self.take_as(f"w{len(self.workers) - 1}", 3)
            if not any(self.workers.values()):
                return

    @rule(ms=st.integers(1, 400), heard=st.booleans())
    def time_passes(self, ms: int, heard: bool) -> None:
        self.now += ms
        for name in self.live(self.life.sessions) if heard else ():
            self.beat_of(name)

    @rule(pick=picks, late=st.sampled_from((-1, 0, 1, 300)), reap=st.sampled_from((0, 1, 2, 200)))
    def someone_dies(self, pick: int, late: int, reap: int) -> None:
        """A fault of a process: it is silent until it expires, while all others live on."""
        busy = [name for name, hand in self.workers.items() if hand]
        name = self.one_of(busy, pick) if busy and pick % 4 else self.someone(pick)
        self.a_process_dies(name, late, reap=reap)

    def a_process_dies(self, name: str, late: int, *, reap: int) -> None:
        if not self.life.lives(name, self.now):
            return
        for other in self.live(self.life.sessions):
            if other != name:
                self.act(*self._beat(other, TTL_MS * 3))
        self.now = max(self.now, self.life.sessions[name] + late)
        if reap:
            self.reap(reap)

    def reap(self, most: int) -> None:
        """A part of it at a time, but where the server would pick jobs at random."""
        life = self.life
        expired = {name for name, at in life.sessions.items() if at <= self.now}
        jobs = sum(len(life.owned.get(name, ())) for name in expired)
        most = 200 if jobs and jobs + len(life.pending) >= most else most
        keys = self.keys
        names = (keys.sessions, keys.calls, keys.slots, keys.opened, keys.names, keys.control)
        more = (keys.due, keys.parked, keys.prefix)
        request = Request("reap", names + more, ("", most, CONTROL_TTL_MS))
        again = self.ask if most == 200 else self.act
        again(request, lambda life, now: self._reap(life, now, most))

    def _reap(self, life: Life, now: int, most: int) -> list[int]:
        before = {name: set(ids) for name, ids in life.owned.items()}
        reply = life.reap(now, most)
        for name, ids in before.items():
            self.ledger.given_up |= ids - life.owned.get(name, set())
        return reply

    def quit(self, pick: int) -> None:
        self.quit_as(self.someone(pick))

    def quit_as(self, name: str) -> None:
        request = written(quit_(Pen(), self.keys, name))  # type: ignore[arg-type]
        self.ask(request, lambda life, _: life.quit(name))

    # --- faults of the network

    @precondition(lambda self: self.log)
    @rule(which=picks, kind=st.sampled_from(("any", "recent", "ended")))
    def a_request_again(self, which: int, kind: str) -> None:
        """A fault of the network: it comes again, byte for byte: soon, late, after a job's end."""
        among = self.log
        if kind == "recent":
            among = self.log[-3:]
        elif kind == "ended":
            ended = self.ledger.accepted.keys() - self.life.jobs.keys()
            among = [one for one in self.log if _opens(one[0]) in ended] or among
        self.act(*among[which % len(among)])

    @rule(
        pick=picks,
        kind=st.sampled_from(("join", "join", "promote", "reap", "beat", "all beat", "other")),
    )
    def by_the_way(self, pick: int, kind: str) -> None:
        """What may happen at any time, and changes little."""
        match kind:
            case "join":
                self.someone_joins(pick)
            case "promote":
                if self.life.parked and pick % 3:  # at the very moment, or just before it
                    due = min(at for at, _ in self.life.parked.values())
                    self.now = max(self.now, due - pick % 3 + 1)
                self.promote((1, 500)[pick % 2])
            case "reap":
                self.reap((1, 2, 3, 200)[pick % 4])
            case "beat":
                self.beat_of(self.someone(pick))
            case "all beat":
                for name in self.live(self.life.sessions):
                    self.beat_of(name)
            case _:
                others = (self.hello_with_a_taken_name, self.read_inbox, self.take_again, self.quit)
                others[pick % 4](pick // 4)

    # --- the end

    def teardown(self) -> None:
        """Everything comes to its end, and nothing is left."""
        try:
            if self.sound and self.workers:
                self._end()
        finally:
            self.driver.clear()

    def _end(self) -> None:
        self.join("w-last", 4)
        live = [name for name in self.clients if self.life.lives(name, self.now)]
        for round_ in range(200):
            self.now += TTL_MS // 2
            for name in (*live, "w-last"):
                self.act(*self._beat(name, TTL_MS * 3))
            if round_ == 0:
                live = [name for name in live if self.life.lives(name, self.now)]
            self.reap(200)
            self.promote(500)
            self.take_as("w-last", 100)
            if self.workers["w-last"]:
                self.work_as("w-last", 100, "all")
            elif not self._credit():
                break
        else:
            raise AssertionError("it never comes to an end")
        self.read_to_the_end("w-last")
        if self.life.kept:  # the list of them is older than they are
            self.beat_of("w-last", 2 * KEEP_MS)
            self.now = max(self.life.kept.values())
            self.reap(200)
        self._nothing_is_left()

    def _credit(self) -> bool:
        """Tell each job that all was read and that no call follows; True if any is open."""
        open_ = [id_ for id_, job in self.life.jobs.items() if not self.life.kept.get(id_)]
        for id_ in open_:
            client, _, number = id_.rpartition("-")
            self.clients[client].totals.setdefault(int(number), self.life.jobs[id_].next)
            self.go_on_with(client, int(number))
        return bool(open_)

    def _nothing_is_left(self) -> None:
        for id_, count in self.ledger.accepted.items():
            if id_ not in self.ledger.given_up:
                missing = [i for i in range(count) if self.ledger.recorded[id_, i] != 1]
                assert not missing, f"I2: {id_} has no outcomes for {missing}"
        for name in [*self.life.sessions]:
            self.quit_as(name)
        left = [key for key in self.driver.look().content if key != "dead"]
        assert not left, f"I7: {left} is left when all is over"


def _opens(request: Request) -> str:
    """The job that a submit is about first."""
    return f"{request.args[0]}-{request.args[3]}" if request.script == "submit" else ""
