"""What was reached, as tables and judgements. No I/O."""

from collections.abc import Mapping, Sequence

from harness.figures import Round, Spread, Target, best, figure, judged, markdown, ratio

from limiting.cases import CONTENDED, MANY, SINGLE, Case
from limiting.contender import OURS

Rounds = Mapping[str, Sequence[Round]]  # by the name of the case
LEAST_RATIO = {SINGLE.name: 1.0, MANY.name: 10.0, CONTENDED.name: 1.5}
LEAST_JAIN = 0.99
MOST_P99 = 2.0  # times p50


def fastest(rounds: Sequence[Round], case: Case) -> str | None:
    """The fastest peer that can lend as many tokens as *case* has."""
    peers = {name for one in rounds for name in one if name != OURS}
    fit = [name for name in sorted(peers) if figure(rounds, name, "total") == _of(case)]
    found = best(rounds, fit, "per_s", most=True)
    return found[0] if found else None


def _of(case: Case) -> Spread:
    return Spread(case.total, case.total, case.total)


def table(rounds: Sequence[Round], names: Sequence[str], case: Case) -> str:
    rival = fastest(rounds, case)
    rows = []
    for name in names:
        per_s = figure(rounds, name, "per_s")
        if per_s is None:
            continue
        times = ratio(rounds, name, rival, "per_s") if rival else None
        row = [name, per_s.text(0), times.text(2) if times else "", _peak(rounds, name)]
        if case.processes > 1:
            row += [_text(rounds, name, "jain", 3)]
            row += [_text(rounds, name, key, 1) for key in ("p50_ms", "p99_ms", "most_ms")]
        rows.append(row)
    head = ["limiter", "pairs/s", "times the best peer", "most at once"]
    if case.processes > 1:
        head += ["Jain", "wait p50, ms", "p99", "longest"]
    return markdown(head, rows)


def _text(rounds: Sequence[Round], name: str, key: str, digits: int) -> str:
    found = figure(rounds, name, key)
    return found.text(digits) if found else ""


def _peak(rounds: Sequence[Round], name: str) -> str:
    peak, total = figure(rounds, name, "peak"), figure(rounds, name, "total")
    if not (peak and total and peak.most):
        return ""
    return f"{peak.most:g} of {total.middle:g}"


def targets(rounds: Rounds) -> list[Target]:
    """What was to be reached, as far as this run can tell."""
    found = []
    for case in (SINGLE, MANY, CONTENDED):
        there = rounds[case.name]
        rival = fastest(there, case)
        times = ratio(there, OURS, rival, "per_s") if rival else None
        least = LEAST_RATIO[case.name]
        if times:
            wanted = f"{case.title}: at least {least:g} times the best peer ({rival})"
            found.append(Target(wanted, times.text(2), times.middle >= least))
        peak = figure(there, OURS, "peak")
        if peak and case.hold:
            wanted = f"{case.title}: never more than {case.total} at once"
            found.append(Target(wanted, f"{peak.most:g}", peak.most <= case.total))
    jain = figure(rounds[CONTENDED.name], OURS, "jain")
    if jain:
        wanted = f"{CONTENDED.title}: Jain's index over processes at least {LEAST_JAIN}"
        found.append(Target(wanted, jain.text(3), jain.middle >= LEAST_JAIN))
    tail = [
        {OURS: {"tail": one[OURS]["p99_ms"] / one[OURS]["p50_ms"]}}
        for one in rounds[CONTENDED.name]
        if one.get(OURS, {}).get("p50_ms")
    ]
    over = figure(tail, OURS, "tail")
    if over:
        wanted = f"{CONTENDED.title}: p99 of the wait at most {MOST_P99:g} times its p50"
        found.append(Target(wanted, over.text(2), over.middle <= MOST_P99))
    return found


def page(rounds: Rounds, names: Sequence[str], head: str, settings: Sequence[str]) -> str:
    """The whole report as Markdown."""
    parts = ["# Limiters", head, judged(targets(rounds))]
    for case in (SINGLE, MANY, CONTENDED):
        parts += [f"## {case.title[0].upper()}{case.title[1:]}"]
        parts += [table(rounds[case.name], names, case)]
    parts += ["## Settings", "\n".join(f"- {line}" for line in settings)]
    return "\n\n".join(parts) + "\n"
