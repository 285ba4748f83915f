"""What a run comes to: one line for people, one object for programs. Pure."""

from dataclasses import asdict

from chaos.referee import Findings


def quantile(ordered: list[float], share: float) -> float:
    """The value below which *share* of the *ordered* ones lie; 0 if there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _recovery(found: Findings) -> tuple[float, float, float]:
    session_s = found.plan.session_s
    p50, p99, most = (quantile(found.recoveries, share) / session_s for share in (0.5, 0.99, 1.0))
    return p50, p99, most


def line(found: Findings) -> str:
    """The verdict in one line."""
    done, (most, limit) = found.records, found.most
    over = found.over_limit + found.over_slots
    p50, p99, longest = _recovery(found)
    extra = f", {done.spoils} spoils ({found.told_lost} told to be lost)" if done.spoils else ""
    extra += f", {found.jobs_sent_again} jobs sent again" if found.jobs_sent_again else ""
    return (
        f"{done.kills} worker kills, {done.pauses} pauses, {done.client_kills} client kills, "
        f"{done.restarts} restarts, {found.calls:,} calls: {found.lost} lost, "
        f"{found.doubled} recorded twice, {found.wrong} wrong, limit "
        f"{f'exceeded {over} times' if over else 'never exceeded'} (max {most} of {limit}), "
        f"dead letters {found.poison_buried}/{found.poison_given} poison, "
        f"re-executed {found.again} ({100 * found.again / max(1, found.calls):.1f} %), "
        f"recovery p50/p99/max {p50:.1f}/{p99:.1f}/{longest:.1f} sessions, "
        f"keys left {len(done.keys_left)}{extra}"
    )


def as_json(found: Findings) -> dict[str, object]:
    """The verdict for programs."""
    done = found.records
    p50, p99, longest = _recovery(found)
    numbers = (
        "calls",
        "starts",
        "again",
        "vain_starts",
        "lost",
        "doubled",
        "wrong",
        "over_limit",
        "over_slots",
    )
    more = ("jobs", "jobs_sent_again", "poison_given", "poison_buried", "violations")
    events = ("kills", "pauses", "client_kills", "restarts", "orphans", "keys_left", "hung")
    return {
        "clean": not found.violations,
        "verdict": line(found),
        "plan": asdict(found.plan),
        **{name: getattr(found, name) for name in numbers + more},
        **{name: getattr(done, name) for name in events},
        "most_at_once": {"calls": found.most[0], "limit": found.most[1]},
        "most_in_hand": max((most for most, _ in done.hands.values()), default=0),
        "recovery_sessions": {"p50": p50, "p99": p99, "max": longest, "of": len(found.recoveries)},
        "server_away_s": done.downs,
    }
