"""What is to be thought of a namespace: facts in, findings out. Pure."""

from collections.abc import Sequence

from lionherd_dist.cli.finding import Finding
from lionherd_dist.store.reading import Overview
from lionherd_dist.store.space_facts import SpaceFacts

MOST_NAMED = 3
STALE_AFTER_MS = 60_000  # long past what any worker needs to see to a dead session


def space_findings(facts: SpaceFacts) -> list[Finding]:
    """All that there is to say of a namespace."""
    return [
        workers_finding(facts.seen),
        stale_finding(facts.seen),
        slots_finding(facts),
        readers_finding(facts.seen),
        letters_finding(facts.seen),
        *orphan_findings(facts),
        *key_findings(facts),
    ]


def workers_finding(seen: Overview) -> Finding:
    """Work needs workers."""
    live = [worker for worker in seen.workers if worker.left_ms > 0]
    work = seen.waiting + seen.in_hand + seen.parked + seen.backlog
    if live:
        slots = sum(worker.slots for worker in live)
        return Finding("ok", "workers", f"{len(live):,} live, with {slots:,} slots")
    if not work:
        return Finding("ok", "workers", "none, and no work for any")
    remedy = "start one: lionherd-dist worker MODULE, with this server and this namespace"
    return Finding("act", "workers", f"none, and {work:,} calls wait", remedy)


def stale_finding(seen: Overview) -> Finding:
    """A dead session is ended by any worker within a third of a session."""
    dead = [one for one in seen.sessions if one.left_ms <= 0]
    if not dead:
        return Finding("ok", "sessions", f"{seen.session_count:,}, none of them stale")
    oldest_ms = -min(one.left_ms for one in dead)
    text = f"{len(dead):,} expired and not seen to, the first {oldest_ms / 1000:,.0f} s ago"
    remedy = "start a worker: it gives on what they held and removes them, a few at a time"
    stale = oldest_ms > STALE_AFTER_MS or not any(one.left_ms > 0 for one in seen.workers)
    return Finding("act" if stale else "ok", "sessions", text, remedy if stale else "")


def slots_finding(facts: SpaceFacts) -> Finding:
    """What is released follows the sum of the slots, which is kept as a number of its own."""
    seen = facts.seen
    if seen.session_count > len(seen.sessions):
        return Finding("unknown", "slots", "too many sessions to add them up", "nothing to do")
    summed = sum(worker.slots for worker in seen.workers)
    if summed == facts.slots_told:
        return Finding("ok", "slots", f"{summed:,}")
    text = f"the sum is held to be {facts.slots_told:,}, and the workers have {summed:,}"
    remedy = "look again; if it stays so, keys were lost or changed: restart the workers"
    return Finding("act", "slots", text, remedy)


def readers_finding(seen: Overview) -> Finding:
    """A consumer that does not read holds its job back."""
    held = [job.id for job in seen.jobs if job.state == "held back"]
    if not held:
        return Finding("ok", "readers", "no job is held back by one that does not read")
    remedy = "see what the client does between two outcomes; `jobs cancel` ends the job"
    return Finding("advice", "readers", f"{_some(held)} wait for their readers", remedy)


def letters_finding(seen: Overview) -> Finding:
    """Somebody has to look at dead letters."""
    if not seen.dead:
        return Finding("ok", "dead letters", "none")
    remedy = "lionherd-dist dead ls; then requeue or drop each: they are kept for a week"
    return Finding("act", "dead letters", f"{seen.dead:,}", remedy)


def orphan_findings(facts: SpaceFacts) -> list[Finding]:
    """What nobody owns: it takes a loss of data, or a hand from outside, to make such."""
    cause = "keys were evicted, deleted by hand, or lost in a fail-over: find out which"
    kinds = (
        (facts.lost_calls, "calls of jobs that are gone", f"{cause}. Workers drop their outcomes"),
        (facts.ownerless_jobs, "jobs of sessions that are gone", f"{cause}; then `jobs cancel`"),
        (facts.leftovers, "notes about sessions that are gone", f"{cause}; then HDEL them"),
        (facts.undying, "keys without a time to live", f"{cause}; then EXPIRE or DEL them"),
    )
    found = [
        Finding("act", "orphans", f"{len(names):,} {what}: {_some(names)}", remedy)
        for names, what, remedy in kinds
        if names
    ]
    return found or [Finding("ok", "orphans", "none among what was looked at")]


def key_findings(facts: SpaceFacts) -> list[Finding]:
    """What somebody has done to keys who had no business there."""
    cause = "find out who else writes to this server (SECURITY.md)"
    prefix = facts.prefix
    found: list[Finding] = []
    if facts.wrong_types:
        text = f"of another type than this package makes: {_some(facts.wrong_types, prefix)}"
        remedy = f"{cause}; a worker or a client that needs the key renames it and makes it anew"
        found.append(Finding("act", "keys", text, remedy))
    if facts.set_aside:
        text = f"were of a wrong type, and are set aside: {_some(facts.set_aside, prefix)}"
        remedy = (
            f"{cause}. They are kept for seven days as {prefix}aside:NAME; jobs that lost "
            f"something by it have ended. DEL {prefix}aside once you have seen to it"
        )
        found.append(Finding("act", "keys", text, remedy))
    if not facts.has_group:
        text = f"{prefix}calls, the stream of calls, has no group of workers"
        remedy = f"{cause}; a worker makes it again when it next asks for a call"
        found.append(Finding("act", "keys", text, remedy))
    unreadable = [job.id for job in facts.seen.jobs if job.state == "unreadable"]
    if unreadable:
        text = f"hold numbers that are none: jobs {_some(unreadable)}"
        remedy = f"{cause}; their clients get JobLostError; `jobs cancel` ends one without a client"
        found.append(Finding("act", "keys", text, remedy))
    return found or [Finding("ok", "keys", "each is of the type that it should be")]


def _some(names: Sequence[str], prefix: str = "") -> str:
    shown = [prefix + name for name in names[:MOST_NAMED]]
    return ", ".join(shown) + (", …" if len(names) > MOST_NAMED else "")
