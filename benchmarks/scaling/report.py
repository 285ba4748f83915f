"""The scale runs as tables, panels of a chart, and targets."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from harness.chart import Panel
from harness.figures import Spread, Target, judged, markdown, spread

from scaling.cases import Case

Round = dict[str, dict[str, object]]  # by series and label
MIB = 1024 * 1024
FLAT_MIB = 8.0  # what a process may grow by after its first 10,000 outcomes
LEFT_MIB = 1.0
SLOWER_MS = 50.0  # what cancelling many calls may take more than cancelling next to none


def combined(case: Case, parts: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """The figures of one case from those of its clients, which share one clock."""
    began = min(_number(part["began"]) for part in parts)
    ended = max(_number(part["ended"]) for part in parts)
    calls = case.count * len(parts)
    # Each client saw all the CPU of workers and server in its own time: the longest look counts.
    client_s = sum(_number(part["client_s"]) for part in parts)
    worker_s, server_s = (max(_number(p[key]) for p in parts) for key in ("worker_s", "server_s"))
    return {
        "per_s": calls / (ended - began),
        "us": (ended - began) * 1e6 / calls,
        "client_us": client_s * 1e6 / calls,
        "worker_us": worker_s * 1e6 / calls,
        "server_us": server_s * 1e6 / calls,
        "looks": parts[0]["looks"],
    }


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value


COLUMNS = (
    ("per_s", "calls/s", 0),
    ("us", "µs per call", 1),
    ("client_us", "client CPU µs", 1),
    ("worker_us", "worker CPU µs", 1),
    ("server_us", "server CPU µs", 1),
)


def _spread(rounds: Sequence[Round], case: Case, key: str) -> Spread:
    return spread([_number(one[f"{case.series} {case.label}"][key]) for one in rounds])


def table(cases: Sequence[Case], rounds: Sequence[Round]) -> str:
    """One line per case."""
    rows = [
        [
            f"{case.series}: {case.label}",
            *(_spread(rounds, case, key).text(digits) for key, _, digits in COLUMNS),
        ]
        for case in cases
    ]
    return markdown(["", *(label for _, label, _ in COLUMNS)], rows)


def panels(cases: Sequence[Case], rounds: Sequence[Round]) -> list[Panel]:
    """One chart per series; for the number of calls, what each of them takes; and memory."""
    found = []
    for series, group in groupby(cases, key=lambda case: case.series):
        key, unit = ("us", "µs per call") if series == "calls" else ("per_s", "calls/s")
        points = tuple((case.label, _spread(rounds, case, key)) for case in group)
        found.append(Panel(series, points, unit))
    looks = [_looks(one) for one in rounds if _looks(one)]
    for who in ("client", "worker", "server") if looks else ():
        points = tuple(
            (f"{step[0]['done'] / 1e6:g}", spread([look[who] / MIB for look in step]))
            for step in zip(*looks, strict=True)
        )
        found.append(Panel(f"memory of the {who}", points, "MiB", "million outcomes"))
    return found


def _looks(one: Round) -> list[dict[str, float]]:
    looks = one.get("calls 10^6", {}).get("looks", [])
    assert isinstance(looks, list)
    return looks


def targets(rounds: Sequence[Round], cancels: Sequence[Mapping[str, float]]) -> list[Target]:
    """What is promised of memory, of what is left, and of cancelling."""
    found: list[Target] = []
    for who in ("client", "worker", "server"):
        growths = [_growth_mib(_looks(one), who) for one in rounds if len(_looks(one)) > 1]
        if growths:
            wanted = f"{who}: grows by less than {FLAT_MIB:g} MiB after 10,000 outcomes"
            found.append(Target(wanted, f"{max(growths):+.1f} MiB", max(growths) < FLAT_MIB))
    left = [one["calls 10^6"] for one in rounds if "left_keys" in one.get("calls 10^6", {})]
    if left:
        keys = max(_number(one["left_keys"]) for one in left)
        mib = max(_number(one["left_bytes"]) for one in left) / MIB
        found.append(Target("keys left by that job: 0", f"{keys:.0f}", keys <= 0))
        wanted = f"memory left by that job: under {LEFT_MIB:g} MiB"
        found.append(Target(wanted, f"{mib:.2f} MiB", mib < LEFT_MIB))
    for verb, words in (("cancel", "cancelling a submitted job"), ("leave", "leaving a stream")):
        slower = spread([one[f"{verb}_many_ms"] - one[f"{verb}_one_ms"] for one in cancels])
        wanted = f"{words} of many calls: within {SLOWER_MS:g} ms of one of two"
        found.append(Target(wanted, f"{slower.text(1)} ms more", slower.middle <= SLOWER_MS))
    return found


def _growth_mib(looks: Sequence[Mapping[str, float]], who: str) -> float:
    first, *rest = looks
    return (max(look[who] for look in rest) - first[who]) / MIB


def page(
    cases: Sequence[Case],
    rounds: Sequence[Round],
    cancels: Sequence[Mapping[str, float]],
    head: str,
    chart: str,
) -> str:
    """The whole report, in Markdown."""
    cancel = [[key, spread([one[key] for one in cancels]).text(1)] for key in cancels[0]]
    parts = [
        head,
        (
            "`median (least to most)`; unless a line says otherwise: one client, one worker of 100"
            " slots, one job without a limit, a no-op that takes and gives a number."
        ),
        f"![throughput by workers, clients, payload, limit, calls, jobs, backlog]({chart})",
        table(cases, rounds),
        markdown(["ending a job early", "ms"], cancel),
        judged(targets(rounds, cancels)),
    ]
    return "\n\n".join(parts) + "\n"
