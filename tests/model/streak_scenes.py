"""Short lives of jobs whose calls are handed out in a row, played on the machine by hand."""

from model.working import Whole

LONG = (1, 100, -1)  # one call at a time, unread outcomes without end, no deadline


def _warmed_up(life: Whole, count: int) -> None:
    """A job of *count* calls; the worker has just been given its fourth entry: calls 7 to 14."""
    life.open_jobs(who=1, count=count, shape=LONG, end=True, more=False)
    for _ in range(3):
        life.work_as("w0", 5, "all")
    life.take_as("w0", 5)


def a_streak_grows_and_no_further(life: Whole) -> None:
    """While all of it ends at once, and its reader has room."""
    _warmed_up(life, 70)
    for _ in range(5):
        life.work_as("w0", 5, "all")


def a_streak_stops_where_its_reader_has_no_room(life: Whole) -> None:
    """And goes on when it has."""
    life.open_jobs(who=1, count=6, shape=(1, 4, -1), end=True, more=False)
    for _ in range(3):
        life.work_as("w0", 5, "all")
    life.go_on_with("c0", 1)
    life.work_as("w0", 5, "all")


def a_streak_is_told_of_call_by_call(life: Whole) -> None:
    """Until the worker says that it begins no more of it; each word may come again."""
    _warmed_up(life, 40)
    for verb in ("next", "next", "done"):
        life.say("w0", [life.workers["w0"].pop()], [verb], 40)
        life.act(*life.log[-1])
        life.act(*life.log[-2])
    for _ in range(3):
        life.work_as("w0", 5, "all")


def the_last_streak_of_a_job_is_broken(life: Whole) -> None:
    """Where nothing else waited any more."""
    _warmed_up(life, 14)
    life.say("w0", [life.workers["w0"].pop()], ["done"], 40)
    life.work_as("w0", 5, "all")


def a_call_in_a_streak_is_to_be_tried_again(life: Whole) -> None:
    """It keeps its place, and what was to follow waits for it."""
    _warmed_up(life, 20)
    life.say("w0", [life.workers["w0"].pop()], ["next again"], 40)
    life.now += 40
    life.promote(500)
    for _ in range(3):
        life.work_as("w0", 5, "all")


def a_call_in_a_streak_is_handed_back_or_dead(life: Whole) -> None:
    """What was to follow is released anew."""
    _warmed_up(life, 60)
    for verb in ("dead", "back"):
        for before in ("next", verb):
            life.say("w0", [life.workers["w0"].pop()], [before], 40)
        for _ in range(4):
            life.work_as("w0", 5, "all")
        life.take_as("w0", 5)


def a_worker_dies_with_a_streak(life: Whole) -> None:
    """The call it was at is the one that is blamed; the rest is handed out one by one."""
    _warmed_up(life, 40)
    life.say("w0", [life.workers["w0"].pop()], ["next"], 40)
    life.a_process_dies("w0", 0, reap=200)
    life.join("w1", 2)
    for _ in range(10):
        life.work_as("w1", 5, "all")


def a_worker_quits_with_a_streak(life: Whole) -> None:
    """Nobody died of any of it."""
    _warmed_up(life, 40)
    life.quit_as("w0")
    life.join("w1", 2)
    life.reap(200)
    for _ in range(4):
        life.work_as("w1", 5, "all")


def a_job_with_a_streak_is_cancelled(life: Whole) -> None:
    """Its worker may go on for some calls before it hears of that."""
    _warmed_up(life, 40)
    life.cancel_jobs(["c0-1"])
    life.say("w0", [life.workers["w0"].pop()], ["next"], 40)
    life.say("w0", [life.workers["w0"].pop()], ["done"], 40)


STREAK_SCENES = (
    a_streak_grows_and_no_further,
    a_streak_stops_where_its_reader_has_no_room,
    a_streak_is_told_of_call_by_call,
    the_last_streak_of_a_job_is_broken,
    a_call_in_a_streak_is_to_be_tried_again,
    a_call_in_a_streak_is_handed_back_or_dead,
    a_worker_dies_with_a_streak,
    a_worker_quits_with_a_streak,
    a_job_with_a_streak_is_cancelled,
)
