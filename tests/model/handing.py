"""How calls are handed out and jobs come to their end, in plain Python, for the model."""

from model.values import NOBODY_YET, HandOut, JobState, Namespace


class Handing(Namespace):
    """A namespace whose jobs have places to give."""

    def window(self) -> int:
        return 2 * sum(self.slots.values()) or NOBODY_YET

    def release(self, id_: str, job: JobState, window: int, streak: int | None = None) -> None:
        room = min(job.limit or window, window) - len(job.hand)
        room = min(room, job.consumed + job.cap - job.released)
        if job.limit == 1:
            if room > 0 and job.backlog:
                job.streak = job.streak if streak is None else streak
                self._release_streak(id_, job)
            return
        for _ in range(min(room, len(job.backlog))):
            call = HandOut(id_, job.released, 1, job.deadline, 0, job.backlog.pop(0))
            job.released += 1
            self.hand_out(job, call)

    def _release_streak(self, id_: str, job: JobState) -> None:
        length = min(max(1, job.streak), job.consumed + job.cap - job.released)
        calls = job.backlog[:length]
        del job.backlog[:length]
        call = HandOut(id_, job.released, 1, job.deadline, 0, calls[0], tuple(calls[1:]))
        job.released += len(calls)
        job.streak += job.streak < 1
        self.hand_out(job, call)

    def take_back(self, job: JobState, call: HandOut, streak: int) -> None:
        if call.rest:
            job.backlog[:0] = call.rest
            job.streak, job.released = streak, call.index + 1

    def hand_out(self, job: JobState, call: HandOut) -> None:
        self.made += 1
        self.stream[self.made] = call
        job.hand[call.index] = self.made

    def end(self, id_: str) -> None:
        job = self.jobs.pop(id_)
        self.owned.get(job.owner, set()).discard(id_)
        self.kept.pop(id_, None)

    def keep(self, id_: str, job: JobState, now: int) -> None:
        for part in (job.backlog, job.hand, job.solo):
            part.clear()
        self.owned[""].discard(id_)
        self.kept[id_] = now + job.keep_ms

    def end_cancelled(self, id_: str) -> None:
        job = self.jobs[id_]
        if job.owner in self.sessions and not job.keep_ms:
            self.inboxes.setdefault(job.owner, []).append((id_, "end"))
        self.end(id_)
