"""The comparison as tables and targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.figures import Round, Spread, Target, best, figure, judged, markdown, ratio

OURS, RAW = "ours", "raw"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a key of the figures, what it says, how it is written."""

    key: str
    label: str
    digits: int = 0


SPEED = (
    Column("per_s", "tasks/s, 1 worker"),
    Column("two_per_s", "tasks/s, 2 workers"),
    Column("p50_ms", "one at a time: p50 ms", 2),
    Column("p99_ms", "p99 ms", 2),
    Column("first_ms", "first of 5,000: ms", 1),
)
COST = (
    Column("client_us", "client CPU µs/task", 1),
    Column("worker_us", "worker CPU µs/task", 1),
    Column("server_us", "server CPU µs/task", 1),
    Column("commands", "commands/task", 1),
    Column("left_bytes", "bytes left/task"),
    Column("left_keys", "keys left/task", 2),
)
IDLE = (
    Column("idle_worker", "worker: commands sent/s", 2),
    Column("idle_worker_scripts", "in scripts/s", 2),
    Column("idle_client", "client: commands sent/s", 2),
    Column("idle_client_scripts", "in scripts/s", 2),
)


def ranked(rounds: Sequence[Round], names: Sequence[str]) -> list[str]:
    """This project, the limit, then the peers by what one worker does."""
    peers = [name for name in names if name not in {OURS, RAW}]

    def rate(name: str) -> float:
        found = figure(rounds, name, "per_s")
        return found.middle if found else 0.0

    own = [name for name in (OURS, RAW) if name in names]
    return [*own, *sorted(peers, key=rate, reverse=True)]


def table(rounds: Sequence[Round], names: Sequence[str], columns: Sequence[Column]) -> str:
    """One line per contender: ``median (least to most)``."""
    rows = []
    for name in names:
        found = [(figure(rounds, name, column.key), column.digits) for column in columns]
        rows.append([name, *(one.text(digits) if one else "" for one, digits in found)])
    return markdown(["", *(column.label for column in columns)], rows)


def times(rounds: Sequence[Round], names: Sequence[str]) -> str:
    """This project over each other contender, round by round."""
    rows = []
    for name in names:
        found = [ratio(rounds, OURS, name, column.key) for column in SPEED]
        rows.append([name, *(one.text(2) if one else "" for one in found)])
    return markdown(["ours divided by", *(column.label for column in SPEED)], rows)


def targets(rounds: Sequence[Round], names: Sequence[str]) -> list[Target]:
    """What this project wants to reach, as far as the contenders of this run can tell."""
    peers = [name for name in names if name not in {OURS, RAW}]
    found = [
        *(_of_raw(rounds, key, words, least=0.7) for key, words in RATES),
        *(_of_best(rounds, peers, key, words, least=15) for key, words in RATES),
        _of_raw(rounds, "p50_ms", "p50 of one call at a time", most=1.5),
        _of_raw(rounds, "p99_ms", "p99 of one call at a time", most=2),
        *(_below_all(rounds, peers, key) for key in ("p50_ms", "p99_ms")),
        _of_raw(rounds, "first_ms", "first of 5,000 outcomes", most=2),
        _chain(rounds),
        _idle(rounds),
    ]
    return [target for target in found if target is not None]


RATES = (("per_s", "tasks/s with 1 worker"), ("two_per_s", "tasks/s with 2 workers"))


def _of_raw(
    rounds: Sequence[Round], key: str, words: str, *, least: float = 0, most: float = float("inf")
) -> Target | None:
    value = ratio(rounds, OURS, RAW, key)
    if value is None:
        return None
    bound = f"at least {least:g}" if least else f"at most {most:g}"
    return Target(
        f"{words}: {bound} times the raw pipeline's",
        value.text(2),
        least <= value.middle <= most,
    )


def _of_best(
    rounds: Sequence[Round], peers: Sequence[str], key: str, words: str, *, least: float
) -> Target | None:
    leader = best(rounds, peers, key, most=True)
    value = leader and ratio(rounds, OURS, leader[0], key)
    if not leader or value is None:
        return None
    wanted = f"{words}: at least {least:g} times the fastest peer's ({leader[0]})"
    return Target(wanted, value.text(1), value.middle >= least)


def _below_all(rounds: Sequence[Round], peers: Sequence[str], key: str) -> Target | None:
    leader, own = best(rounds, peers, key, most=False), figure(rounds, OURS, key)
    if leader is None or own is None:
        return None
    name, theirs = leader
    what = key.removesuffix("_ms")
    wanted = f"{what} of one call at a time: below every peer's ({name}: {theirs.middle:.2f} ms)"
    return Target(wanted, f"{own.middle:.2f} ms", own.middle < theirs.middle)


def _chain(rounds: Sequence[Round]) -> Target | None:
    own = figure(rounds, OURS, "chain_per_s")
    bare = figure(rounds, OURS, "script_per_s")
    if own is None or bare is None:
        return None
    part = _part(rounds)
    wanted = "limit=1: at least 3,000 calls/s, or 0.5 of a bare loop of scripts"
    reached = f"{own.text(0)} calls/s, {part.text(2)} of {bare.text(0)} scripts/s"
    return Target(wanted, reached, own.middle >= 3_000 or part.middle >= 0.5)


def _part(rounds: Sequence[Round]) -> Spread:
    """The chain over the bare loop, round by round."""
    pairs: list[Mapping[str, Mapping[str, float]]] = [
        {"chain": {"per_s": one[OURS]["chain_per_s"]}, "bare": {"per_s": one[OURS]["script_per_s"]}}
        for one in rounds
        if "chain_per_s" in one.get(OURS, ())
    ]
    part = ratio(pairs, "chain", "bare", "per_s")
    assert part is not None
    return part


def _idle(rounds: Sequence[Round]) -> Target | None:
    own = figure(rounds, OURS, "idle_worker")
    if own is None:
        return None
    return Target("idle worker: at most 1 command/s sent", f"{own.middle:.2f}", own.middle <= 1)


def page(
    rounds: Sequence[Round], names: Sequence[str], head: str, settings: Sequence[str], chart: str
) -> str:
    """The whole report, in Markdown."""
    order = ranked(rounds, names)
    others = [name for name in order if name != OURS]
    parts = [
        head,
        f"![tasks per second, latency and first outcome of every contender]({chart})",
        table(rounds, order, SPEED),
        times(rounds, others) if OURS in names else "",
        table(rounds, order, COST),
        "With nothing to do:\n\n" + table(rounds, order, IDLE),
        judged(targets(rounds, names)),
        (
            "Commands are those of the server's `commandstats`, calls inside scripts included; CPU"
            " is process time; what is left is `used_memory` and keys after the throughput row."
        ),
        "How each was run:\n\n" + "\n".join(f"- {one}" for one in settings),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"
