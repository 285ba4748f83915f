"""The referee, before evidence written by hand: what it lets pass and what it does not."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.calls import answer, expected
from chaos.notes import Notes, take_slot
from chaos.plan import scaled
from chaos.records import Death, Records
from chaos.referee import Findings, judge

NOTHING = replace(scaled(1.0, 1), calls=0, kills=0, pauses=0, client_kills=0, restarts=0, poison=0)
LABEL = "first.0"
CALLS = [index for index in range(40) if expected(LABEL, index, poisoned=False)[0] == "ok"][:3]


class Evidence:
    """Files as a run leaves them; times are seconds from 0."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.records = directory, Records()
        self._bodies = Notes(directory / "bodies.log")
        self.client = Notes(directory / "client-first.log")
        self._numbers = 0
        self.client.write("J", LABEL, max(CALLS) + 1, 2, "submit", False)

    def ran(
        self,
        index: int,
        start: float,
        end: float | None,
        *,
        who: str = "w1.1",
        slot: int = 0,
        label: str = LABEL,
        since: float | None = None,
    ) -> None:
        """A body of call *index*; no end says that its process was killed."""
        self._numbers += 1
        self._bodies.write(
            "S", label, index, who, self._numbers, slot, start if since is None else since, start
        )
        if end is not None:
            self._bodies.write("E", who, self._numbers, "done", end)

    def given(self, *indexes: int) -> None:
        """A reader begins, and is given right outcomes."""
        self.client.write("A", LABEL)
        for index in indexes:
            self.client.write("O", LABEL, index, "ok", answer(LABEL, index))

    def close(self) -> None:
        self._bodies.close()
        self.client.close()

    def verdict(self) -> Findings:
        return judge(NOTHING, self.directory, self.records)


@pytest.fixture
def evidence(tmp_path: Path) -> Iterator[Evidence]:
    evidence = Evidence(tmp_path)
    yield evidence
    evidence.close()


def said(found: Findings, word: str) -> bool:
    return any(violation.startswith(word) for violation in found.violations)


def test_one_outcome_for_each_body_is_clean(evidence: Evidence) -> None:
    """The job was never confirmed, so that the calls that were not given are not missed."""
    for place, index in enumerate(CALLS):
        evidence.ran(index, float(place), place + 0.5)
    evidence.given(*CALLS)
    assert evidence.verdict().violations == []


def test_an_accepted_jobs_missing_outcome_is_lost(evidence: Evidence) -> None:
    """However many others there are."""
    evidence.client.write("I", LABEL, "job")
    assert evidence.verdict().lost == max(CALLS) + 1


@pytest.mark.parametrize(
    ("second", "doubled"), [([2], 0), ([2, 1], 1), ([1], 1), ([0, 1, 2], 3), ([], 0)]
)
def test_only_the_last_outcome_may_be_given_again(
    evidence: Evidence, second: list[int], doubled: int
) -> None:
    """And only as the first that the next reader is given."""
    for index in CALLS:
        evidence.ran(index, float(index), index + 0.5)
    evidence.given(*CALLS)
    evidence.given(*(CALLS[place] for place in second))
    assert evidence.verdict().doubled == doubled


def test_another_calls_result_is_wrong(evidence: Evidence) -> None:
    """So is an outcome that no body can have given."""
    evidence.ran(CALLS[0], 0.0, 1.0)
    evidence.client.write("A", LABEL)
    evidence.client.write("O", LABEL, CALLS[0], "ok", answer(LABEL, CALLS[1]))
    evidence.client.write("O", LABEL, CALLS[1], "ok", answer(LABEL, CALLS[1]))
    assert evidence.verdict().wrong == 2


def test_a_third_call_at_once_is_over_the_limit_of_two(evidence: Evidence) -> None:
    """By the lines, and by the slots."""
    for slot, index in enumerate(CALLS):
        evidence.ran(index, 1.0 + slot, 9.0, slot=slot)
    found = evidence.verdict()
    assert (found.over_limit, found.over_slots, found.most) == (1, 1, (3, 2))


def test_bodies_of_a_dead_process_are_not_running(evidence: Evidence) -> None:
    """What it held starts elsewhere; the time until then is the recovery."""
    evidence.ran(CALLS[0], 1.0, None)
    evidence.ran(CALLS[1], 1.1, None, slot=1)
    evidence.records.deaths["w1.1"] = Death(2.0, 2.1, ours=True)
    evidence.ran(CALLS[2], 2.5, 4.0, who="w2.1")
    evidence.ran(CALLS[0], 3.0, 4.0, who="w2.1", slot=1)
    found = evidence.verdict()
    assert found.violations == []
    assert (found.recoveries, found.again) == ([1.0], 1)


def test_a_paused_workers_call_that_was_given_on_does_not_count(evidence: Evidence) -> None:
    """It keeps its slot while it stands still, and what it begins late is cut: both in vain."""
    evidence.ran(CALLS[0], 1.0, 5.05, who="w1.1")
    evidence.records.stops.append(("w1.1", 1.1, 5.0))
    evidence.ran(CALLS[0], 3.0, 6.0, who="w2.1", slot=1)
    evidence.ran(CALLS[1], 3.1, 3.2, who="w2.1", slot=2)
    evidence.ran(CALLS[2], 4.0, 6.0, who="w2.1", slot=2)
    evidence.ran(CALLS[1], 5.01, 5.02, who="w1.1", slot=3)
    found = evidence.verdict()
    assert found.violations == []
    assert (found.vain_starts, found.most) == (1, (2, 2))


def test_a_start_long_after_the_pause_counts(evidence: Evidence) -> None:
    """By then the worker has learned that its session is lost."""
    evidence.records.stops.append(("w1.1", 1.1, 5.0))
    evidence.ran(CALLS[1], 3.1, 3.2, who="w2.1")
    evidence.ran(CALLS[0], 5.0, 8.0, who="w2.1", slot=0)
    evidence.ran(CALLS[2], 5.1, 8.0, who="w2.1", slot=1)
    evidence.ran(CALLS[1], 7.0, 7.5, who="w1.1", slot=2)
    assert evidence.verdict().over_limit == 1


@pytest.mark.parametrize(("given_on", "over"), [(True, 0), (False, 1)])
def test_who_stands_still_with_a_slot_before_it_tells_of_it_may_be_in_vain(
    evidence: Evidence, *, given_on: bool, over: int
) -> None:
    """It is seen when it goes on; its call began elsewhere meanwhile, or it is one too many."""
    evidence.ran(CALLS[0], 5.0, 5.1, since=1.0)
    if given_on:
        evidence.ran(CALLS[0], 3.0, 3.1, who="w2.1", slot=1)
    evidence.ran(CALLS[1], 3.2, 4.0, who="w2.1", slot=1)
    evidence.ran(CALLS[2], 3.3, 4.0, who="w2.1", slot=2)
    assert evidence.verdict().over_slots == over


@pytest.mark.parametrize(("since", "over"), [(3.9, 0), (4.1, 1)])
def test_who_held_a_slot_in_vain_may_be_gone_when_the_next_tells_of_its_start(
    evidence: Evidence, since: float, over: int
) -> None:
    """What counts is who was there when it looked for a slot."""
    evidence.ran(CALLS[0], 1.0, 4.0)
    evidence.ran(CALLS[0], 3.0, 3.1, who="w2.1", slot=1)
    evidence.ran(CALLS[1], 3.2, 6.0, who="w2.1", slot=1)
    evidence.ran(CALLS[2], 4.2, 6.0, who="w2.1", slot=2, since=since)
    assert evidence.verdict().over_slots == over


@pytest.mark.parametrize(("paused", "over"), [(True, 0), (False, 1)])
def test_a_paused_worker_may_be_further_in_a_row_than_what_was_given_on(
    evidence: Evidence, *, paused: bool, over: int
) -> None:
    """It keeps its slot while it stands still; one that goes on is at work."""
    evidence.client.write("J", "row.0", max(CALLS) + 1, 1, "submit", False)
    evidence.ran(CALLS[0], 1.0, 1.1, label="row.0")
    evidence.ran(CALLS[1], 1.2, 5.05, label="row.0")
    if paused:
        evidence.records.stops.append(("w1.1", 1.3, 5.0))
    evidence.ran(CALLS[0], 3.0, 3.1, who="w2.1", slot=1, label="row.0")
    evidence.ran(CALLS[1], 3.2, 3.3, who="w2.1", slot=1, label="row.0")
    found = evidence.verdict()
    assert (found.over_limit, found.over_slots > 0) == (over, not paused)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda records: records.dead_letters.append((LABEL, 1)), "dead letters"),
        (lambda records: records.keys_left.append("job"), "key left"),
        (lambda records: records.complaints.append("ended with 1"), "process"),
        (lambda records: records.hands.update(job=(3, 2)), "limit"),
        (lambda records: setattr(records, "hung", True), "hung"),
    ],
)
def test_what_the_driver_saw_counts(
    evidence: Evidence, spoil: Callable[[Records], object], word: str
) -> None:
    """The server's own records, and what became of processes."""
    spoil(evidence.records)
    assert said(evidence.verdict(), word)


def test_a_run_that_did_less_than_planned_is_not_clean(evidence: Evidence) -> None:
    """Its zeroes would say little."""
    found = judge(replace(NOTHING, kills=1, calls=1), evidence.directory, evidence.records)
    assert [violation for violation in found.violations if violation.startswith("too little")] == [
        "too little: 0 kills of 1",
        "too little: 0 calls of 1",
    ]


def test_whoever_finds_all_slots_held_takes_a_further_one(tmp_path: Path) -> None:
    """A slot is free again when its file is closed."""
    taken = [take_slot(tmp_path, 2) for _ in range(3)]
    assert [slot for slot, _ in taken] == [0, 1, 2]
    os.close(taken[1][1])
    again, file = take_slot(tmp_path, 2)
    assert again == 1
    for open_file in (taken[0][1], taken[2][1], file):
        os.close(open_file)
