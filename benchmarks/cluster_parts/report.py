"""Turns the figures of all rounds into tables, and the targets into yes or no."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Figures = Mapping[str, float]
Rounds = Mapping[str, Sequence[Figures]]

LEAST_OF_RAW = 0.2  # throughput
MOST_OF_RAW_P50 = 3.0
FLAT_MIB = 8.0  # what a process may grow by after its first 10,000 outcomes
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a key of the figures, what it says, how it is written."""

    key: str
    label: str
    digits: int = 2


ROWS = (
    Row("per_s", "calls/s, one stream", 0),
    Row("mapped_per_s", "calls/s, bounded_map(limit=100)", 0),
    Row("p50_ms", "one call at a time, p50, ms"),
    Row("p99_ms", "one call at a time, p99, ms"),
    Row("first_ms", "first of 5,000 outcomes, ms"),
    Row("client_us", "client CPU per call, µs", 1),
    Row("worker_us", "worker CPU per call, µs", 1),
    Row("server_us", "server CPU per call, µs", 1),
    Row("left_bytes", "bytes left in the server per call"),
    Row("left_keys", "keys left in the server per call"),
)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of one figure over the rounds."""

    middle: float
    least: float
    most: float

    def text(self, digits: int) -> str:
        """``median (min-max)``."""
        if math.isnan(self.middle):
            return "unknown"
        return f"{self.middle:,.{digits}f} ({self.least:,.{digits}f}-{self.most:,.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def summary(rounds: Rounds) -> dict[str, dict[str, Spread]]:
    """For each row and contender, and for their ratio within each round, the spread."""
    rows: dict[str, dict[str, Spread]] = {}
    for row in ROWS:
        values = {
            who: [figures[row.key] for figures in these]
            for who, these in rounds.items()
            if all(row.key in figures for figures in these)
        }
        rows[row.key] = {who: spread(these) for who, these in values.items()}
        if len(values) == 2 and all(values["raw"]) and row.key not in {"left_bytes", "left_keys"}:
            pairs = zip(values["ours"], values["raw"], strict=True)
            rows[row.key]["ratio"] = spread([ours / raw for ours, raw in pairs])
    return rows


def table(rows: Mapping[str, Mapping[str, Spread]]) -> str:
    """The rows side by side; the last column is the ratio of the two, round by round."""
    lines = [f"{'median (min-max)':34} {'ours':>26} {'raw':>26} {'ours / raw':>22}"]
    for row in ROWS:
        cells = [
            rows[row.key][who].text(digits) if who in rows[row.key] else "-"
            for who, digits in (("ours", row.digits), ("raw", row.digits), ("ratio", 2))
        ]
        lines.append(f"{row.label:34} {cells[0]:>26} {cells[1]:>26} {cells[2]:>22}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Target:
    """What was to be reached, what was reached, and whether that is enough."""

    wanted: str
    reached: str
    met: bool

    def text(self) -> str:
        return f"{'pass' if self.met else 'FAIL'}  {self.wanted}: {self.reached}"


def targets(rows: Mapping[str, Mapping[str, Spread]]) -> list[Target]:
    """The targets of every run."""
    rate, p50 = rows["per_s"]["ratio"].middle, rows["p50_ms"]["ratio"].middle
    left, keys = rows["left_bytes"]["ours"].most, rows["left_keys"]["ours"].most
    return [
        Target(f"calls/s at least {LEAST_OF_RAW:g} times raw", f"{rate:.2f}", rate >= LEAST_OF_RAW),
        Target(f"p50 at most {MOST_OF_RAW_P50:g} times raw", f"{p50:.2f}", p50 <= MOST_OF_RAW_P50),
        Target("no byte left per call (below 1, in every round)", f"{left:.3f}", left < 1),
        Target("no key left", f"{keys:g} per call", keys <= 0),
    ]


MILLION_HEAD = f"{'outcomes':>10} {'client MiB':>11} {'worker MiB':>11} {'server MiB':>11}"


def million_line(used: Figures) -> str:
    sizes = [used[who] / MIB for who in ("client", "worker", "server")]
    return f"{used['done']:>10,} " + " ".join(f"{size:>11.1f}" for size in sizes)


def flat(looks: Sequence[Figures]) -> list[Target]:
    """Whether each process stayed as large as it was after its first outcomes."""
    first, *rest = looks
    found: list[Target] = []
    for who in ("client", "worker", "server"):
        growth = (max(look[who] for look in rest) - first[who]) / MIB
        wanted = f"{who} grows by less than {FLAT_MIB:g} MiB after {first['done']:,} outcomes"
        found.append(Target(wanted, f"{growth:+.1f} MiB at most", growth < FLAT_MIB))
    return found
