"""What the scripts are to do, in plain Python: a namespace as a value, a method for each script.

An entry of the stream of calls is known by a number of our own, counted up as entries are made;
which id the server gave it is none of the model's business.
"""

from collections.abc import Sequence
from dataclasses import replace

from model.handing import Handing
from model.values import (
    FAR_FUTURE_MS,
    MOST_DEAD,
    MOST_IN_A_STREAK,
    NO_LIMITERS,
    PARKED,
    JobState,
    Part,
    Verdict,
)


class Life(Handing):
    """A namespace. Every method is a script: it changes the state and returns the reply."""

    # --- sessions

    def lives(self, session: str, now: int) -> bool:
        return self.sessions.get(session, 0) > now

    def hello(self, session: str, now: int, ttl_ms: int, slots: int) -> bool:
        if session in self.sessions:
            return False
        self.sessions[session] = now + ttl_ms
        if slots:
            self.slots[session] = slots
            self.has_group = True
        return True

    def beat(self, session: str, now: int, ttl_ms: int) -> list[int]:
        if not self.lives(session, now):
            return [0, now]
        self.sessions[session] = now + ttl_ms
        return [1, now]

    def quit(self, session: str) -> int:
        self.opened.pop(session, None)
        self.inboxes.pop(session, None)
        self.slots.pop(session, None)
        clean = True
        if self.owned.get(session):
            clean = False
            if session in self.sessions:
                self.sessions[session] = 0
        else:
            self.sessions.pop(session, None)
        if session in self.pending.values():
            clean = False
        else:
            self.consumers.discard(session)
        if not self.sessions and not self.stream:
            self.has_group, self.delivered = False, 0
            self.opened.clear()
            self.consumers.clear()
            self.control.clear()
        return int(clean)

    # --- submit

    def submit(self, session: str, now: int, parts: Sequence[Part]) -> list[int]:
        if not self.lives(session, now):
            return []
        return [self._part(session, now, part) for part in parts]

    def _part(self, session: str, now: int, part: Part) -> int:
        id_ = f"{session}-{part.number}"
        job = self.jobs.get(id_)
        if job is None and part.first == 0 and part.number > self.opened.get(session, 0):
            deadline = 0 if part.left_ms < 0 else min(now + part.left_ms, FAR_FUTURE_MS)
            job = JobState(session, part.limit, part.cap, deadline, part.keep_ms)
            self.jobs[id_] = job
            self.opened[session] = part.number
            self.owned.setdefault(session, set()).add(id_)
        if job is None or job.cancelled or part.first > job.next:
            return -1
        job.backlog += part.calls[job.next - part.first :]
        job.next = max(job.next, part.first + len(part.calls))
        job.consumed = max(job.consumed, part.consumed)
        complete = job.total < 0 <= part.total
        job.total = max(job.total, part.total)
        if job.keep_ms and complete:  # from here on it outlives the session
            self.owned[session].discard(id_)
            job.owner = ""
            self.owned.setdefault("", set()).add(id_)
            self.kept[id_] = 0
            if job.done == job.total:
                self.keep(id_, job, now)
        self.release(id_, job, self.window())
        if job.total == job.done and not job.keep_ms:
            self.end(id_)
        return job.next

    # --- the workers

    def take(self, session: str, most: int) -> list[int]:
        """The numbers that XREADGROUP gives: no script of ours, but part of the road."""
        if not self.has_group:
            return []
        self.consumers.add(session)
        numbers = [number for number in self.stream if number > self.delivered][:most]
        for number in numbers:
            self.pending[number], self.delivered = session, number
        return numbers

    def finish(self, session: str, now: int, verdicts: Sequence[Verdict]) -> list[object]:
        if not self.lives(session, now):
            return []
        over = {one.number for one in verdicts if one.verb != "next"}
        last = [one for one in verdicts if one.number in over]
        first = [one for one in verdicts if one.number not in over]
        recorded = dropped = 0
        self._letters: list[bytes] = []
        for part in (first, last):
            for id_ in dict.fromkeys(one.job for one in part):
                of_job = [one for one in part if one.job == id_]
                count = self._settle(id_, of_job, now)
                recorded, dropped = recorded + count[0], dropped + count[1]
        for one in last:
            self.stream.pop(one.number, None)
            self.pending.pop(one.number, None)
        return [recorded, dropped, self._letters]

    def _settle(self, id_: str, verdicts: Sequence[Verdict], now: int) -> tuple[int, int]:
        job = self.jobs.get(id_)
        if job is None:
            return 0, len(verdicts)
        over: list[Verdict] = []
        is_whole = False  # the last that counts was the last of its entry
        dropped = 0
        for one in verdicts:
            if job.hand.get(one.index) != one.number:
                dropped += 1
                continue
            is_whole = one.verb == "done"
            if one.verb == "dead":
                self._letters.append(f"{id_} {one.index}".encode())
            if self._is_over(job, one, now):
                over.append(one)
                del job.hand[one.index]
            if one.verb == "next":
                job.hand[one.index + 1] = one.number
        if over:
            self._account(id_, job, over, now, is_whole=is_whole)
        return len(over), dropped

    def _is_over(self, job: JobState, one: Verdict, now: int) -> bool:
        call = self.stream[one.number].at(one.index)
        alone = replace(call, rest=())
        if one.verb == "dead":
            self.dead.append((one.job, one.index, call.header, call.payload, one.outcome))
        if one.verb in {"last", "dead"}:
            self.take_back(job, call, 1)
        if one.verb in {"done", "next", "last", "dead"} or job.cancelled:
            return True
        if one.verb == "again":
            alone = replace(alone, attempt=one.attempt)
            self.parked[one.job, one.index] = (now + one.delay_ms, alone)
            job.hand[one.index] = PARKED
        else:
            self.hand_out(job, alone)
        self.take_back(job, call, 1)
        return False

    def _account(
        self, id_: str, job: JobState, over: list[Verdict], now: int, *, is_whole: bool
    ) -> None:
        if job.cancelled:
            if not job.hand:
                self.end_cancelled(id_)
            return
        news = [(one.index, one.outcome) for one in over]
        if job.keep_ms:
            job.unread.update(enumerate(news, job.recorded + 1))
            job.recorded += len(news)
        else:
            self.inboxes.setdefault(job.owner, []).append((id_, *news))
        job.done += len(over)
        if job.done == job.total and job.keep_ms:
            self.keep(id_, job, now)
        elif job.done == job.total:
            self.end(id_)
        else:
            longer = min(2 * job.streak, MOST_IN_A_STREAK) if job.streak > 0 else job.streak
            self.release(id_, job, self.window(), longer if is_whole else job.streak)

    def promote(self, now: int, most: int) -> int:
        due = sorted(
            (at, f"{job} {index}", job, index) for (job, index), (at, _) in self.parked.items()
        )
        for _, _, id_, index in [one for one in due if one[0] <= now][:most]:
            _, call = self.parked.pop((id_, index))
            self.hand_out(self.jobs[id_], call)
        left = [at for at, _ in self.parked.values()]
        return max(0, min(left) - now) if left else -1

    def alone(self, id_: str, index: int, number: int) -> int:
        job = self.jobs.get(id_)
        if job is None or job.hand.get(index) != number:
            return 0
        deaths, _ = job.solo.get(index, (0, None))
        job.solo[index] = (deaths, number)
        return deaths

    # --- giving up, and what the dead leave

    def cancel(self, ids: Sequence[str], by: str) -> list[int]:
        return [self._cancel(id_, by) for id_ in ids]

    def _cancel(self, id_: str, by: str) -> int:
        job = self.jobs.get(id_)
        if job is None:
            return 0
        for index, number in list(job.hand.items()):
            if number == PARKED:
                del self.parked[id_, index], job.hand[index]
            elif number > self.delivered:
                del self.stream[number], job.hand[index]
        if not job.cancelled and job.owner != by and job.owner in self.sessions:
            self.inboxes.setdefault(job.owner, []).append((id_, "cancelled"))
        if not job.hand:
            self.end(id_)
        elif not job.cancelled:  # the workers are told once
            job.backlog.clear()
            job.cancelled = 1
            self.control.append(id_)
        return len(job.hand)

    def reap(self, now: int, most: int) -> list[object]:
        self.kept = {id_: at for id_, at in self.kept.items() if not 1 <= at <= now}
        return self._reap(now, most)

    def _reap(self, now: int, most: int) -> list[object]:
        """*most* is enough for all jobs of the expired, or they have none: no picking here."""
        expired = sorted((at, name) for name, at in self.sessions.items() if at <= now)
        if len(expired) == len(self.sessions):
            return [0, 0, 0, NO_LIMITERS, []]
        looked_at = [name for _, name in expired[:MOST_DEAD]]
        looked_at += sorted(self.consumers - self.sessions.keys())
        given_on = given_up = 0
        unfinished = max(0, len(expired) - MOST_DEAD)
        for session in looked_at:
            room = most - given_on - given_up
            held = sorted(n for n, holder in self.pending.items() if holder == session)
            held = held[: max(0, room)]
            died = session in self.sessions
            given_on += sum([self._give_on(number, died) for number in held])
            room -= len(held)
            jobs = set(self.owned.get(session, ()))
            count = len(jobs)
            for id_ in sorted(jobs):
                self._cancel(id_, session)
                self.owned[session].discard(id_)
            given_up += count
            if room > count:
                self._forget(session)
            else:
                unfinished += 1
        return [given_on, given_up, unfinished, NO_LIMITERS, []]

    def _give_on(self, number: int, died: bool) -> bool:
        del self.pending[number]
        call = self.stream.pop(number, None)
        job = self.jobs.get(call.job) if call else None
        index = next((i for i, n in job.hand.items() if n == number), None) if job else None
        if call is None or job is None or index is None:
            return False
        call = call.at(index)
        if not job.cancelled:
            deaths, marked = job.solo.get(call.index, (0, None))
            if marked == number:
                job.solo[call.index] = (deaths + died, None)
            call = replace(call, attempt=call.attempt + died, deaths=call.deaths + died)
            self.hand_out(job, replace(call, rest=()))
            self.take_back(job, call, 1 - len(call.rest) if died else 1)
            return True
        del job.hand[call.index]
        if not job.hand:
            self.end_cancelled(call.job)
        return False

    def _forget(self, session: str) -> None:
        self.slots.pop(session, None)
        self.opened.pop(session, None)
        self.inboxes.pop(session, None)
        self.owned.pop(session, None)
        self.sessions.pop(session, None)
        self.consumers.discard(session)
