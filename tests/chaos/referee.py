"""The judge of a chaos run: it reads what processes wrote to files, and knows no library.

What is counted against the library:

- **lost**: an index of an accepted job for which no client was ever given an outcome. Accepted is
  a job that a stream or a map began to the end of its client's patience, and one whose id
  ``submit`` returned.
- **recorded twice**: an index for which outcomes were given more than once. A call may be *run*
  more than once, that is at-least-once execution; its outcome is recorded once. One repetition is
  no fault: the first outcome that a new reader of a submitted job is given may be the very last one
  that the reader before it was given, which had not yet asked for the next one and so had not
  acknowledged it.
- **wrong**: an outcome that is not the one its index must give, or one for which no body ended.
- **over the limit**: at some moment more calls of one job were running than its limit. Of each call
  only the latest start counts: a worker that was paused for longer than its session, and does not
  know yet that its calls were given on, runs them in vain. It is what no limit without a kernel's
  help can prevent, and the library stops it when the worker learns of it. In a job of one call at a
  time such a worker may be some calls further than the one that was given on.
- **slots**: the same by another witness. Each body holds one flock'ed file, which the kernel frees
  when a process dies. Whoever finds as many held as the limit allows takes a further one; there
  must then be that many bodies running whose calls were given on.
- **too little**: fewer deaths or calls than planned.
- **dead letters** for anything but the poison calls, or twice for one; **keys** left at the server.

A kill -9 of the server alone loses nothing, as ``appendfsync everysec`` writes before it answers.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from chaos.calls import POISON_INDEX, expected, root_of
from chaos.evidence import Body, Job, read_bodies, read_jobs, read_stalls
from chaos.findings import Verdict
from chaos.plan import Plan
from chaos.records import Records
from chaos.vain import Vain

EVENTS = ("kills", "pauses", "client_kills", "restarts")  # a spoiler may find the server away


@dataclass(slots=True)
class Findings(Verdict[Plan]):
    """What the referee found.

    Attributes:
        most: the most calls of one job that ran at once, and its limit: where it came closest.
        recoveries: seconds from each worker's death to the next start of a call that it held.
        told_lost: outcomes of jobs that were spoilt, of which their clients were told.
        again: starts beyond the first of a call, those of its own retry policy not counted.
    """

    calls: int = 0
    starts: int = 0
    again: int = 0
    vain_starts: int = 0
    lost: int = 0
    told_lost: int = 0
    doubled: int = 0
    wrong: int = 0
    over_limit: int = 0
    over_slots: int = 0
    jobs: int = 0
    jobs_sent_again: int = 0
    most: tuple[int, int] = (0, 1)
    recoveries: list[float] = field(default_factory=list)
    poison_given: int = 0
    poison_buried: int = 0


def judge(plan: Plan, directory: Path, records: Records) -> Findings:
    """What the files in *directory* and the driver's *records* say."""
    bodies, jobs = read_bodies(directory), read_jobs(directory)
    found = Findings(plan, records, directory)
    ran = {(root_of(body.label), body.index) for body in bodies if body.how not in {"", "cut"}}
    for job in jobs.values():
        judge_job(found, job, ran)
    found.starts = len(bodies)
    stumbles = sum(body.how == "ConnectionError" for body in bodies)
    found.again = len(bodies) - stumbles - len({(body.label, body.index) for body in bodies})
    by_label: dict[str, list[Body]] = defaultdict(list)
    for body in bodies:
        by_label[body.label].append(body)
    in_vain = Vain(bodies, read_stalls(directory, records), records, plan.session_s)
    found.vain_starts = len(in_vain.sure | in_vain.doubtful)
    for label, group in by_label.items():
        job = jobs[root_of(label)]
        # Sent again by the library: a new job, beside what still ran of the old one. Where the job
        # was spoilt, its client has not noticed.
        if not job.moved and not (job.how == "map" and plan.spoils):
            judge_limit(found, job, group, in_vain)
    found.recoveries = sorted(recoveries(bodies, records, in_vain))
    done = {name: getattr(records, name) for name in EVENTS}
    found.judge_amount(**done, calls=found.calls)
    judge_server(found, jobs)
    return found


def judge_job(found: Findings, job: Job, ran: set[tuple[str, int]]) -> None:
    """Lost, recorded twice, wrong."""
    found.jobs += 1
    found.jobs_sent_again += (job.how != "submit" and bool(job.losses)) or job.moved
    given: Counter[int] = Counter()
    last: tuple[int, str, str] | None = None
    for reader in job.readers:
        fresh = reader[1:] if reader and reader[0] == last and job.how == "submit" else reader
        given.update(index for index, _, _ in fresh)
        last = reader[-1] if reader else last
        for index, kind, value in fresh:
            if (kind, value) != expected(job.root, index, poisoned=job.poisoned):
                found.wrong += 1
                found.against(f"wrong: {job.root} {index} gave {kind} {value}")
            elif kind in {"ok", "ValueError"} and (job.root, index) not in ran:
                found.wrong += 1
                found.against(f"wrong: {job.root} {index} has an outcome, and no body that ended")
    found.calls += len(given)
    for index, count in given.items():
        if count > 1:
            found.doubled += 1
            found.against(f"recorded twice: {job.root} {index}, {count} times")
    missing = job.calls - len(given) if job.accepted else 0
    if missing > 0 and job.losses and found.plan.spoils:
        found.told_lost += missing  # somebody deleted what was accepted, and the library said so
    elif missing > 0:
        found.lost += missing
        found.against(f"lost: {missing} of {job.root}; it said: {job.losses or 'nothing'}")


def judge_limit(found: Findings, job: Job, bodies: list[Body], in_vain: Vain) -> None:
    """At most the job's limit of its calls at once; *bodies* are those of one label."""
    latest: dict[int, Body] = {}
    running: list[Body] = []  # with those whose calls were given on, until they are really gone
    left_behind: set[int] = set()
    gone_at, killed_at = found.records.gone_at, found.records.killed_at
    for body in bodies:
        at = body.started_at
        running = [one for one in running if min(one.ended_at, gone_at(one.who)) > at]
        running.append(body)
        if id(body) not in in_vain.sure:
            latest[body.index] = body
        if job.limit == 1:
            left_behind |= {id(one) for one in running if in_vain.left_behind(one, body)}
        rightful = [
            one
            for one in running
            if latest[one.index] is one and id(one) not in in_vain.doubtful | left_behind
        ]
        current = [one for one in rightful if min(one.ended_at, killed_at(one.who)) > at]
        count, vain = len(current), len(running) - len(rightful)
        if count / job.limit > found.most[0] / found.most[1]:
            found.most = (count, job.limit)
        if count > job.limit:
            found.over_limit += 1
            oldest = min(current, key=lambda one: one.started_at)
            found.against(
                f"limit: {count} of {body.label} at once, {job.limit} allowed: {body.index} on "
                f"{body.who}; {oldest.index} on {oldest.who} for {at - oldest.started_at:.2f} s"
            )
        if body.slot >= job.limit + vain:  # it looked for one before it told of its start
            vain = holders_in_vain(found.records, job, bodies, body, in_vain)
        if body.slot >= job.limit + vain:
            found.over_slots += 1
            found.against(
                f"slots: {body.label} {body.index} took slot {body.slot}, {vain} ran in vain"
            )


def holders_in_vain(
    records: Records, job: Job, bodies: list[Body], body: Body, in_vain: Vain
) -> int:
    """How many of *bodies* may have held a slot in vain while *body* looked for one."""
    at, known = body.started_at, in_vain.sure | in_vain.doubtful
    there = [
        one
        for one in bodies
        if one is not body
        and one.since <= at
        and min(one.ended_at, records.gone_at(one.who)) > body.since
    ]
    return sum(
        id(one) in known
        or in_vain.given_on(one, at)
        or (job.limit == 1 and in_vain.left_behind(one, body))
        for one in there
    )


def recoveries(bodies: list[Body], records: Records, in_vain: Vain) -> list[float]:
    """Seconds from the death of a worker to the next start of each call that it then ran."""
    later: dict[tuple[str, int], list[Body]] = defaultdict(list)
    for body in bodies:
        if id(body) not in in_vain.sure:
            later[body.label, body.index].append(body)
    waits: list[float] = []
    for body in bodies:
        died_at = records.killed_at(body.who)
        if math.isinf(died_at) or body.ended_at < math.inf or not records.deaths[body.who].ours:
            continue
        after = [o for o in later[body.label, body.index] if o.started_at > body.started_at]
        if after and after[0].started_at > died_at:
            waits.append(after[0].started_at - died_at)
    return waits


def judge_server(found: Findings, jobs: dict[str, Job]) -> None:
    """The server's own records, and what became of processes."""
    records = found.records
    for job, (most, limit) in records.hands.items():
        if most > limit > 0:
            found.over_limit += 1
            found.against(f"limit: the server had {most} calls of {job} in hand, {limit} allowed")
    given = {job.root for job in jobs.values() if job.poisoned and job.accepted}
    possible = {job.root for job in jobs.values() if job.poisoned}
    letters = Counter((root_of(label), index) for label, index in records.dead_letters)
    buried = {root for root, index in letters if index == POISON_INDEX and root in possible}
    found.poison_given, found.poison_buried = len(given), len(given & buried)
    for root in sorted(given - buried):
        found.against(f"dead letters: none for the poison of {root}")
    for (root, index), count in letters.items():
        if root not in possible or index != POISON_INDEX:
            found.against(f"dead letters: {root} {index} is no poison")
        elif count > 1 and not jobs[root].losses and not jobs[root].moved:
            found.against(f"dead letters: {count} for {root} {index}")
    found.judge_leftovers()
    if records.hung:
        found.against("hung: clients did not come to their end")
