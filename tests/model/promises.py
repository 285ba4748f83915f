"""What must hold at every moment, read off the server alone: the model is not asked."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from model.driver import Found
from model.views import entries, integers, news_of, table

DAY_MS = 86_400_000
JOB_LIFE_MS, SHARED_LIFE_MS = 7 * DAY_MS, 8 * DAY_MS
WITH_OWN_TTL = ("inbox:", "control", "dead")
A_TEST_MS = 3_600_000  # how long a test may take; times to live run down meanwhile


class Ledger:
    """Everything that was ever accepted and every outcome that was ever recorded."""

    def __init__(self) -> None:
        self.accepted: dict[str, int] = {}
        self.given_up: set[str] = set()
        self.recorded: Counter[tuple[str, int]] = Counter()
        self._unread: dict[str, int] = {}
        self._read: set[tuple[str, bytes, tuple[bytes, ...]]] = set()

    def note(self, found: Found) -> None:
        """Take down the outcomes that are new."""
        for key, content in found.content.items():
            if not key.startswith("inbox:") and not key.endswith(":outcomes"):
                continue
            for entry, fields in entries(content):
                if (key, entry, tuple(fields)) in self._read:
                    continue
                self._read.add((key, entry, tuple(fields)))
                job, *news = news_of(fields)
                for one in news:
                    if isinstance(one, tuple):
                        self.recorded[str(job), one[0]] += 1

    def check(self, found: Found) -> None:
        """Assert what holds at every moment."""
        twice = [call for call, count in self.recorded.items() if count > 1]
        assert not twice, f"I1: more than one outcome was recorded for {twice}"
        jobs = {
            key.removeprefix("job:"): integers_of(content)
            for key, content in found.content.items()
            if key.startswith("job:") and key.count(":") == 1
        }
        for id_, count in self.accepted.items():
            if id_ not in jobs:
                self._check_ended(found, id_, count)
        for id_, job in jobs.items():
            self._check_live(found, id_, job)
        self._check_stream(found, jobs)
        slots = integers(found.content.get("slots"))
        total = slots.pop("*", 0)
        assert total == sum(slots.values()), (
            f"I8: slots are {slots}, their sum is said to be {total}"
        )
        for key, ttl_ms in found.ttl_ms.items():
            self._check_life(key, ttl_ms, jobs)

    def _check_life(self, key: str, ttl_ms: int, jobs: Mapping[str, Mapping[str, int]]) -> None:
        if key.startswith(WITH_OWN_TTL):
            assert ttl_ms > 0, f"I6: {key} has the time to live {ttl_ms} ms"
            return
        to_be = SHARED_LIFE_MS
        if key.startswith("job:"):
            job = jobs.get(key.split(":")[1], {})
            done = job.get("keep") and job["done"] == job["total"]
            to_be = job["keep"] if done else JOB_LIFE_MS
        assert to_be - A_TEST_MS < ttl_ms <= to_be, f"I6: {key} has {ttl_ms} ms of {to_be} ms"

    def _check_ended(self, found: Found, id_: str, count: int) -> None:
        left = [key for key in found.content if key.startswith(f"job:{id_}:")]
        assert not left, f"I6: {id_} ended and left {left}"
        for name in ("due", "parked"):
            waiting = [one for one in table(found.content.get(name)) if one.startswith(f"{id_} ")]
            assert not waiting, f"I6: {id_} ended and left {waiting} {name}"
        if id_ not in self.given_up:
            assert self._unread.get(id_, 0) <= 1, f"I11: {id_} ended with outcomes unread"
            lost = [index for index in range(count) if not self.recorded[id_, index]]
            assert not lost, f"I2: {id_} ended without outcomes for {lost}"

    def _check_live(self, found: Found, id_: str, job: Mapping[str, int]) -> None:
        hand = {int(index) for index in table(found.content.get(f"job:{id_}:hand"))}
        waiting = len(found.content.get(f"job:{id_}:backlog", ()))  # type: ignore[arg-type]
        backlog = set(range(job["released"], job["released"] + waiting))
        recorded = {index for job_id, index in self.recorded if job_id == id_}
        if job["keep"]:
            unread = self._unread[id_] = len(found.content.get(f"job:{id_}:outcomes", ()))  # type: ignore[arg-type]
            assert job.get("read", 0) + unread == len(recorded), f"I11: {id_} lost an outcome"
        following = self._following(found, id_)
        places = [hand, following, backlog, recorded]
        assert sum(map(len, places)) == len(set().union(*places)), f"I2: {id_} has a call twice"
        if not job["cancelled"]:
            lost = set(range(job["next"])).difference(*places)
            assert not lost, f"I2: {id_} has lost {lost}"
            assert job["done"] == len(recorded), f"I2: {id_} counts {job['done']} outcomes"
            assert hand or not backlog or job["released"] - job["consumed"] >= job["cap"], (
                f"I10: nothing will ever release the backlog of {id_}"
            )
        assert not job["limit"] or len(hand) <= job["limit"], f"I3: {id_} is over its limit"
        unread = job["released"] - job["consumed"]
        assert unread <= job["cap"], f"I3: {id_} may have {unread} unread outcomes"

    @staticmethod
    def _following(found: Found, id_: str) -> set[int]:
        """The calls that go with one that is in hand, and have not begun."""
        hand = table(found.content.get(f"job:{id_}:hand"))
        of_entry = {entry: int(index) for index, entry in hand.items()}
        return {
            int(call.split()[1])
            for entry, fields in entries(found.content.get("calls"))
            for call in _calls_of(fields)
            if entry in of_entry and int(call.split()[1]) > of_entry[entry]
        }

    def _check_stream(self, found: Found, jobs: Collection[str]) -> None:
        named = dict(_named(found, jobs))
        stream = entries(found.content.get("calls"))
        there = {entry: fields[1].decode() for entry, fields in stream}
        holds = {entry: _calls_of(fields) for entry, fields in stream}
        assert named.keys() == there.keys(), f"I4: hands name {named}, the stream holds {there}"
        assert not found.pending.keys() - there.keys(), "I4: what is gone is still pending"
        for entry, header in there.items():
            assert named[entry] in holds[entry], f"I4: {entry!r} is {header}"
        parked = table(found.content.get("parked"))
        assert parked.keys() == table(found.content.get("due")).keys(), "I4: parked, but not due"


def _calls_of(fields: list[bytes]) -> list[str]:
    """The calls of an entry, as "job index"."""
    id_, first = fields[1].decode().split()[:2]
    return [f"{id_} {int(first) + place}" for place, _ in enumerate(fields[3::2])]


def _named(found: Found, jobs: Collection[str]) -> Iterator[tuple[bytes, str]]:
    for id_ in jobs:
        for index, entry in table(found.content.get(f"job:{id_}:hand")).items():
            if entry != b"parked":
                yield entry, f"{id_} {index}"


def integers_of(content: object) -> dict[str, int]:
    """The whole numbers among the fields of a hash."""
    return {
        name: int(value) for name, value in table(content).items() if value.lstrip(b"-").isdigit()
    }
