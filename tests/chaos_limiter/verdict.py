"""What a run comes to: one line for people, one object for programs. Pure."""

from dataclasses import asdict

from chaos.verdict import quantile

from chaos_limiter.referee import Findings


def line(found: Findings) -> str:
    """The verdict in one line."""
    done = found.records
    most = ", ".join(f"{count} of {total}" for count, total in found.closest.values())
    over = found.over_total + found.over_slots + found.over_server
    p50, p99, longest = (quantile(found.waits, share) for share in (0.5, 0.99, 1.0))
    return (
        f"{done.kills} kills, {done.pauses} pauses, {found.resizes} resizes, "
        f"{found.grants.total():,} tokens lent to code ({found.grants['at once']:,} at once, "
        f"{found.grants['both']:,} of two limiters together), {found.calls:,} to calls "
        f"({found.again} went to another worker, {found.strayed} lacked their token): total "
        f"{f'exceeded {over} times' if over else 'never exceeded'} (max {most}, "
        f"{found.samples:,} looks at the server), {found.fences} fences out of order, "
        f"{found.starved} starved, {found.overtaken} overtaken, "
        f"wait p50/p99/max {p50:.2f}/{p99:.2f}/{longest:.2f} s, keys left {len(done.keys_left)}"
    )


def as_json(found: Findings) -> dict[str, object]:
    """The verdict for programs."""
    done = found.records
    ours = (
        *("turns", "grants", "calls", "again", "samples", "resizes"),
        *("over_total", "over_slots", "over_server"),
        *("fences", "starved", "overtaken", "strayed", "violations"),
    )
    return {
        "clean": not found.violations,
        "verdict": line(found),
        "plan": asdict(found.plan),
        **{name: getattr(found, name) for name in ours},
        **{name: getattr(done, name) for name in ("kills", "pauses", "keys_left", "hung")},
        "closest": {
            name: {"holders": count, "total": total}
            for name, (count, total) in found.closest.items()
        },
        "wait_s": {
            "p50": quantile(found.waits, 0.5),
            "p99": quantile(found.waits, 0.99),
            "max": quantile(found.waits, 1.0),
        },
    }
