"""Short lives, played on the machine by hand: one for each thing that is rare when left to chance.

A *pick* of 8 and more chooses among the living by its eighth part; 0 is the first that there is.
"""

from collections.abc import Callable

from lionherd_dist.store.calls import Again, Back, Done
from model.machine import FAR_LEFT_MS, KEEP_MS, TTL_MS
from model.streak_scenes import STREAK_SCENES
from model.working import Whole


def a_parked_call_comes_back_when_due(life: Whole) -> None:
    """After a death, which it does not forget; not a moment too early."""
    life.open_jobs(who=1, count=2, shape=(1, 8, 5_000), end=True, more=False)
    life.take_as("w0", 5)
    life.a_process_dies("w0", 0, reap=200)
    life.join("w1", 2)
    life.take_as("w1", 5)
    taken = life.workers["w1"].pop()
    life.finish("w1", [Again(taken, 3, 40)])
    for wait_ms in (39, 1):
        life.now += wait_ms
        life.promote(500)


def credit_is_never_taken_back(life: Whole) -> None:
    """A chunk that says less is older than one that said more."""
    life.open_jobs(who=1, count=6, shape=(0, 2, -1), end=False, more=False)
    life.work(1, 5, "done")
    life.go_on_with("c0", 1)
    life.act(*next(one for one in life.log if one[0].script == "submit"))
    life.work(1, 5, "done")
    life.act(*next(one for one in life.log if one[0].script == "submit"))


def a_worker_quits_with_calls_in_hand(life: Whole) -> None:
    """They are given on by the next look."""
    life.open_jobs(who=1, count=3, shape=(0, 8, -1), end=True, more=False)
    life.take_as("w0", 2)
    life.quit_as("w0")
    life.join("w1", 1)
    life.reap(1)
    life.reap(200)


def a_client_quits_with_jobs_open(life: Whole) -> None:
    """They are given up by the next look, and the last word of a running call ends them."""
    life.open_jobs(who=1, count=4, shape=(3, 8, -1), end=False, more=True)
    life.take_as("w0", 1)
    life.quit_as("c0")
    life.reap(200)
    life.finish("w0", [Back(one) for one in life.workers["w0"]])


def a_busy_worker_is_reaped_in_parts(life: Whole) -> None:
    """Its session stays until the last of its calls is given on, and not from before its time."""
    life.join("w1", 2)
    life.open_jobs(who=1, count=6, shape=(0, 8, -1), end=True, more=False)
    life.take_as("w1", 5)
    life.a_process_dies("w1", -1, reap=200)
    life.beat_of("c0")
    life.now += 1
    life.beat_of("w1")
    for _ in range(7):
        life.reap(1)
    life.a_request_again(0, "any")


def a_cancelled_job_ends_with_its_last_call(life: Whole) -> None:
    """Whatever is said of its calls and sent for it meanwhile."""
    life.join("w1", 4)
    for verb in ("done", "again", "back", "dead"):
        life.join(f"c-{verb}", 0)
        client = f"c-{verb}"
        life.clients[client].shape[1] = (0, 20, -1, 0)
        life.submit(client, [life.chunk(client, 1, 14, 0, False)])
        life.take_as("w1", 3)
        first, *rest = life.workers["w1"]
        life.finish("w1", [Again(first, 2, 40)])
        life.workers["w1"] = rest
        life.cancel_jobs([f"{client}-1"])
        life.go_on_with(client, 1, 2)
        life.cancel_jobs([f"{client}-1"])
        life.work_as("w1", 1, verb)
        life.read_inbox(0)


def a_cancelled_jobs_worker_dies(life: Whole) -> None:
    """That, too, is its end."""
    life.open_jobs(who=1, count=3, shape=(2, 8, -1), end=True, more=False)
    life.take_as("w0", 1)
    life.cancel_jobs(["c0-1"])
    life.a_process_dies("w0", 1, reap=200)


def requests_come_late(life: Whole) -> None:
    """After the end of what they are about, past a loss, and for a moment that never comes."""
    life.open_jobs(who=1, count=2, shape=(0, 8, FAR_LEFT_MS), end=True, more=False)
    life.work(1, 5, "done")
    for again in list(life.log):
        life.act(*again)
    life.open_jobs(who=1, count=3, shape=(1, 8, -1), end=False, more=False)
    life.chunk_after_a_lost_one(0, 1)
    life.go_on(which=0, count=2, resent=2, end=True, read=0)
    life.hello_with_a_taken_name(8)
    life.take_again(8)


def a_call_runs_alone(life: Whole) -> None:
    """Each death while it runs alone counts once; late words of running alone count nothing."""
    life.open_jobs(who=1, count=1, shape=(0, 8, -1), end=False, more=False)
    for turn in range(3):
        worker = f"w-{turn}"
        life.join(worker, 1)
        life.take_as(worker, 1)
        (taken,) = life.workers[worker]
        life.tell_alone(taken)
        for _, earlier in life.taken:
            life.tell_alone(earlier)
        life.a_process_dies(worker, 0, reap=200)


def the_dead_and_strangers_speak(life: Whole) -> None:
    """A session that is over has no effect; nor has anybody by a hand-out that is not current."""
    life.join("w1", 2)
    life.open_jobs(who=1, count=4, shape=(0, 8, -1), end=False, more=False)
    life.take_as("w0", 2)
    life.a_process_dies("w0", 0, reap=0)
    old = list(life.workers["w0"])
    life.finish("w0", [Done(one, b"zombie") for one in old])
    life.beat_of("w0")
    life.reap(200)
    life.finish("w1", [Done(one, b"impostor") for one in old])
    life.take_as("w0", 1)
    life.reap(200)
    life.finish("w1", [Done(one, b"impostor") for one in life.workers["w0"]])
    life.now += TTL_MS


def a_kept_job_is_read_by_one_after_another(life: Whole) -> None:
    """Its words come late and twice; the next goes on behind it; at the end the job is gone."""
    life.join("c1", 0)
    life.open_jobs(who=1, count=5, shape=(0, 8, -1), end=True, more=False, kept=True)
    life.quit_as("c0")
    life.work(1, 5, "done")
    life.attach_as("c1", "c0-1")
    for _ in range(3):
        life.advance_as("c1", "c0-1")
    late = [one for one in life.log if one[0].script == "advance"]
    for again in late:
        life.act(*again)
    life.attach_as("w0", "c0-1")
    life.detach_as("w0", "c0-1")
    life.detach_as("c1", "c0-1")
    life.attach_as("w0", "c0-1")
    for again in (*late, *life.log[-4:]):
        life.act(*again)
    life.attach_as("w0", "c0-1")
    life.advance_as("w0", "c0-1")
    life.advance_as("w0", "c0-1")
    for again in list(life.log):
        life.act(*again)
    life.attach_as("w0", "c0-1")


def a_reader_dies(life: Whole) -> None:
    """Its place is free at the moment of its end; what it says later moves nothing."""
    life.join("c1", 0)
    life.join("c2", 0)
    life.open_jobs(who=1, count=4, shape=(0, 8, -1), end=True, more=False, kept=True)
    life.attach_as("c1", "c0-1")
    life.work(1, 2, "done")
    life.advance_as("c1", "c0-1")
    life.a_process_dies("c1", -1, reap=0)
    life.attach_as("c2", "c0-1")
    life.now += 1
    life.attach_as("c2", "c0-1")
    life.work(1, 2, "dead")
    life.advance_as("c1", "c0-1")
    life.detach_as("c1", "c0-1")
    for _ in range(3):
        life.advance_as("c2", "c0-1")


def kept_outcomes_wait_for_their_time(life: Whole) -> None:
    """Whether the last call or the word of how many there are came last; none reads the others."""
    life.open_jobs(who=1, count=2, shape=(0, 8, -1), end=False, more=False, kept=True)
    life.open_jobs(who=1, count=2, shape=(0, 8, -1), end=True, more=False, kept=True)
    life.open_jobs(who=1, count=2, shape=(0, 8, -1), end=True, more=False)
    life.work(1, 2, "done")
    life.attach_as("w0", "c0-1")
    life.attach_as("w0", "c0-3")
    life.advance_as("w0", "c0-1")
    life.go_on_with("c0", 1, end=True)
    life.work(1, 3, "done")
    life.work(1, 3, "done")
    life.beat_of("w0", 2 * KEEP_MS)
    life.expire("c0-1")
    life.expire("c0-2")
    life.now += KEEP_MS - 1
    life.reap(200)
    life.now += 1
    life.reap(200)


def a_kept_job_is_cancelled(life: Whole) -> None:
    """While it is sent, while it runs, when it is done: with its client, by anybody."""
    life.join("c1", 0)
    life.open_jobs(who=1, count=3, shape=(2, 8, -1), end=True, more=True, kept=True)
    life.open_jobs(who=1, count=3, shape=(2, 8, -1), end=False, more=False, kept=True)
    life.take_as("w0", 5)
    life.a_process_dies("c0", 0, reap=200)
    life.attach_as("c1", "c0-1")
    life.cancel_jobs(["c0-1"])
    life.attach_as("c1", "c0-1")
    life.finish("w0", [Done(one, b"ok") for one in life.workers["w0"]])
    life.workers["w0"] = []
    life.work(1, 5, "done")
    life.work(1, 5, "done")
    life.cancel_jobs(["c0-2", "c0-1"])


SCENES: tuple[Callable[[Whole], None], ...] = (
    a_parked_call_comes_back_when_due,
    credit_is_never_taken_back,
    a_worker_quits_with_calls_in_hand,
    a_client_quits_with_jobs_open,
    a_busy_worker_is_reaped_in_parts,
    a_cancelled_job_ends_with_its_last_call,
    a_cancelled_jobs_worker_dies,
    requests_come_late,
    a_call_runs_alone,
    the_dead_and_strangers_speak,
    a_kept_job_is_read_by_one_after_another,
    a_reader_dies,
    kept_outcomes_wait_for_their_time,
    a_kept_job_is_cancelled,
    *STREAK_SCENES,
)


def play(scene: Callable[[Whole], None], machine: type[Whole]) -> None:
    """From the beginning to the end of everything."""
    life = machine()
    try:
        life.begin(2)
        scene(life)
    finally:
        life.teardown()
