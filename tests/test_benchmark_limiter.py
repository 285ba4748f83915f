"""What the limiter's benchmark says follows from what it measured; no peer is needed."""

from itertools import chain, repeat
from pathlib import Path

import pytest
from limiting.cases import CONTENDED, MANY, SINGLE
from limiting.contender import NAMES, load
from limiting.report import fastest, page, targets
from limiting.tally import Tally, snapshot
from limiting.visit import jain, quantiles_ms

PACE = {"peak": 10.0, "jain": 1.0, "p50_ms": 4.0, "p99_ms": 6.0, "most_ms": 9.0}
ROUND = {
    "ours": PACE | {"per_s": 60.0, "total": 10.0},
    "dask": PACE | {"per_s": 20.0, "total": 10.0},
    "redis_lock": PACE | {"per_s": 90.0, "total": 1.0},
}
ROUNDS = {SINGLE.name: [], MANY.name: [], CONTENDED.name: [ROUND]}


def test_holders_are_counted_over_all_processes(tmp_path: Path) -> None:
    """Each tally sees the others' holders, and what it saw at most stays."""
    path = tmp_path / "tally"
    Tally.create(path, 2)
    one, other = Tally(path, 2, 0), Tally(path, 2, 1)
    one.enter()
    one.enter()
    other.enter()
    assert (one.peak, other.peak) == (2, 3)
    one.leave()
    other.leave()
    one.enter()
    assert (one.peak, other.peak) == (2, 3)


def test_stages_are_reached_together(tmp_path: Path) -> None:
    """All are at a stage when the last one is."""
    path = tmp_path / "tally"
    Tally.create(path, 2)
    one, other = Tally(path, 2, 0), Tally(path, 2, 1)
    one.reach(2)
    other.reach(1)
    assert one.all_at(1)
    assert not other.all_at(2)


def test_holders_that_change_while_they_are_counted_are_counted_again() -> None:
    """A token that moves on between two reads would be seen twice."""
    reads = chain([[1, 0], [0, 1]], repeat([0, 1]))
    assert snapshot(lambda: next(reads)) == [0, 1]
    numbers = iter(range(1000))
    assert snapshot(lambda: [next(numbers)]) == []


def test_jains_index_falls_as_shares_differ() -> None:
    """From 1, all the same, to one over their number, one has all."""
    assert jain([5, 5, 5, 5]) == 1
    assert jain([8, 0, 0, 0]) == pytest.approx(0.25)
    assert jain([0, 0]) == 0


def test_quantiles_are_waits_that_were() -> None:
    """In milliseconds; none are made up where nothing was measured."""
    found = quantiles_ms([0.001 * number for number in range(101)])
    assert [round(value) for value in found.values()] == [50, 99, 100]
    assert quantiles_ms([]) == {}


def test_a_peer_that_cannot_have_so_many_tokens_is_no_measure() -> None:
    """The lock is faster, with one token, than those with ten."""
    assert fastest([ROUND], CONTENDED) == "dask"


def test_each_target_is_judged_by_what_was_measured() -> None:
    """Three times the peer, ten at once, a tail of 1.5; one more at once, and it is missed."""
    assert [target.met for target in targets(ROUNDS)] == [True] * 4
    worse = {**ROUND, "ours": ROUND["ours"] | {"peak": 11.0, "jain": 0.9, "p99_ms": 9.0}}
    found = targets({**ROUNDS, CONTENDED.name: [worse]})
    assert [target.met for target in found] == [True, False, False, False]
    assert "11 of 10" in page({**ROUNDS, CONTENDED.name: [worse]}, NAMES, "", [])


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_of_a_limiter_loads_without_its_peer(name: str) -> None:
    """What it needs is pinned."""
    adapter = load(name)
    assert all("==" in requirement for requirement in adapter.REQUIREMENTS)
    assert adapter.SETTING
