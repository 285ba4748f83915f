"""What the benchmarks say follows from what they measured; no peer is needed to load them."""

import subprocess
import sys
from pathlib import Path

import pytest
from harness.contender import NAMES, Place, load
from harness.figures import Spread, best, figure, markdown, ratio, rotated, spread
from harness.noop import check
from harness.report import targets

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
PEERS = ["arq", "saq", "taskiq", "streaq", "docket", "dramatiq", "celery", "rq", "dask"]
ROUNDS = [
    {"ours": {"per_s": 80.0, "p50_ms": 2.0}, "raw": {"per_s": 100.0, "p50_ms": 1.0}},
    {"ours": {"per_s": 30.0, "p50_ms": 2.0}, "raw": {"per_s": 50.0, "p50_ms": 4.0}},
    {"ours": {"per_s": 70.0, "p50_ms": 2.0}, "raw": {"per_s": 70.0, "p50_ms": 2.0}},
]


def test_a_spread_is_the_median_with_least_and_most() -> None:
    """Of an even number of rounds, too."""
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert spread([4.0, 1.0, 2.0, 3.0]) == Spread(2.5, 1.0, 4.0)
    assert spread([1234.5]).text(1) == "1,234.5 (1,234.5 to 1,234.5)"


def test_a_figure_counts_the_rounds_that_have_it() -> None:
    """What was measured in one round only, or never, is not made up for the others."""
    rounds = [*ROUNDS, {"ours": {"idle_worker": 0.5}}]
    assert figure(rounds, "ours", "per_s") == Spread(70.0, 30.0, 80.0)
    assert figure(rounds, "ours", "idle_worker") == Spread(0.5, 0.5, 0.5)
    assert figure(rounds, "arq", "per_s") is None


def test_a_ratio_is_taken_within_each_round() -> None:
    """0.8, 0.6 and 1.0 have the median 0.8; the medians, both 70, would give 1.0."""
    assert ratio(ROUNDS, "ours", "raw", "per_s") == Spread(0.8, 0.6, 1.0)
    assert ratio(ROUNDS, "ours", "raw", "first_ms") is None


def test_the_best_is_the_one_with_the_best_median() -> None:
    """Most of a rate, least of a time."""
    names = ["arq", "ours", "raw"]  # the medians of ours and raw are both 70 tasks/s, and 2 ms
    rounds = [*ROUNDS, {"arq": {"per_s": 90.0, "p50_ms": 9.0}}]
    assert best(rounds, names, "per_s", most=True) == ("arq", Spread(90.0, 90.0, 90.0))
    assert best(rounds, names, "p50_ms", most=False) == ("ours", Spread(2.0, 2.0, 2.0))
    assert best(ROUNDS, ["arq"], "per_s", most=True) is None


def test_everybody_begins_a_round_in_turn() -> None:
    """And everybody is in each of them."""
    orders = [rotated("abc", number) for number in range(4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_a_table_has_a_line_for_each_row() -> None:
    """Its first column is text, the others are aligned as numbers."""
    assert markdown(["", "n"], [["a", "1"], ["b", "2"]]).splitlines() == [
        "|  | n |",
        "| --- | ---: |",
        "| a | 1 |",
        "| b | 2 |",
    ]


def test_a_target_is_judged_by_the_median_of_the_ratios() -> None:
    """0.8 of raw is enough for 0.7; a p50 of 1.0 times raw's is below 1.5 times."""
    rounds = [{"ours": one["ours"], "raw": one["raw"], "arq": {"per_s": 5.0}} for one in ROUNDS]
    met = {target.wanted: target.met for target in targets(rounds, ["ours", "raw", "arq"])}
    assert met["tasks/s with 1 worker: at least 0.7 times the raw pipeline's"]
    assert not met["tasks/s with 1 worker: at least 15 times the fastest peer's (arq)"]
    assert met["p50 of one call at a time: at most 1.5 times the raw pipeline's"]


@pytest.mark.parametrize(
    "results",
    [
        [(0, 0), (1, 2)],
        [(0, 0), (1, 2), (1, 2)],
        [(0, 0), (1, 2), (2, 5)],
        [(0, 0), (1, 2), (2, 4), (3, 6)],
    ],
    ids=["one is missing", "one came twice", "one is wrong", "one too many"],
)
def test_a_result_that_is_missing_doubled_or_wrong_is_noticed(
    results: list[tuple[int, int]],
) -> None:
    """Nothing else counts as done."""
    with pytest.raises(AssertionError, match="not all of them right"):
        check(results, 3)
    check([(2, 4), (0, 0), (1, 2)], 3)


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_loads_without_its_peer(name: str) -> None:
    """What a peer needs is pinned, and imported in the peer's own processes only."""
    code = (
        "import sys; from harness.contender import load; "
        f"load({name!r}); print([m for m in {PEERS} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=BENCHMARKS,
        env={"PYTHONPATH": f"{BENCHMARKS}:{BENCHMARKS.parent}"},
    )
    assert done.stdout.strip() == "[]"
    adapter = load(name)
    assert all("==" in requirement for requirement in adapter.REQUIREMENTS)
    assert adapter.LOOP in {"asyncio", "uvloop"}
    assert adapter.SETTING
    assert len((BENCHMARKS / "adapters" / f"{name}.py").read_text().splitlines()) <= 130


def test_workers_and_clients_find_each_other_at_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place travels in the environment; a worker that is ready can be found by its process."""
    place = Place("unix:///tmp/s", str(tmp_path), workers=2, number=1)
    for key, value in place.as_environment().items():
        monkeypatch.setenv(key, value)
    assert Place.here() == place
    assert place.socket == "/tmp/s"
    assert place.ready_workers() == []
    Place.here().ready()
    assert len(place.ready_workers()) == 1


def test_what_signing_costs_can_be_measured() -> None:
    """A burst each, which is too short for the figure to mean anything."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "signing.py"), "--rounds", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert "throughput signed / plain: " in done.stdout, done.stderr
