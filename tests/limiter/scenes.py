"""Short lives, played on the machine by hand: one for each thing that is rare when left to chance.

A *who* of 8 and more chooses among the living by its eighth part.
"""

from collections.abc import Callable, Sequence

from limiter.machine import NAME, TTL_MS, Machine
from lionherd_dist.store.limits import Ask


def asking(
    first: int, count: int = 0, *ends: int, look: bool = False, waiting: Sequence[int] = ()
) -> Ask:
    return Ask(NAME, 1, 0, look, first, count, ends, impatient=(), waiting=waiting)


def _two(life: Machine) -> None:
    """p0 holds the only token, p1 and p0 wait for it."""
    life.someone_joins()
    life.someone_joins()
    life.ask("p0", asking(1, 1))
    life.ask("p1", asking(1, 1))
    life.ask("p0", asking(2, 1))


def a_dead_holder_is_noticed_by_whoever_looks(life: Machine) -> None:
    """Its token goes to the next that lives; its own place in the queue goes, too."""
    _two(life)
    life.one_expires_at_this_moment(who=1, then="lend")
    life.ask("p1", asking(2, look=True))


def a_dead_holder_is_noticed_by_a_newcomer(life: Machine) -> None:
    """At its first word, though it does not look: it may have no other."""
    life.someone_joins()
    life.ask("p0", asking(1, 1))
    life.time_passes(TTL_MS)
    life.someone_joins()
    life.ask("p1", Ask(NAME, 1, 0, look=False, first=1, new=1, ends=(), impatient=(1,)))


def a_place_that_is_gone_is_told_of(life: Machine) -> None:
    """To whoever asks for it; a token that is held is no place that is gone."""
    _two(life)
    life.ask("p0", asking(3, look=True, waiting=(1, 2)))
    life.lose_the_last(fences=1, places=True)
    life.ask("p0", asking(3, look=True, waiting=(1, 2)))


def many_are_lent_at_once(life: Machine) -> None:
    """So many that the server is told to keep them in a tree, with nothing beside them."""
    life.someone_joins()
    life.ask("p0", Ask(NAME, 30, 0, look=False, first=1, new=20, ends=(), impatient=()))
    life.ask("p0", Ask(NAME, 30, 0, look=True, first=21, new=20, ends=(3, 4), impatient=()))


def a_job_asks_anew_for_a_place_that_is_gone(life: Machine) -> None:
    """Whether the server forgot it, and a worker looks, or somebody sent the job away."""
    life.someone_joins()
    life.ask("p0", asking(1, 1))
    life.submit(8, 1)
    life.lose_the_last(fences=1, places=True)
    life.tend()
    life.send_a_job_away(0)
    life.ask("p0", asking(2, 0, 1))


def a_dead_holder_is_noticed_by_a_worker(life: Machine) -> None:
    """Three times per session, without any process that waits."""
    _two(life)
    life.one_expires_at_this_moment(who=1, then="tend")


def a_dead_waiter_is_passed_over(life: Machine) -> None:
    """Nobody looked since it died."""
    _two(life)
    life.one_expires_at_this_moment(who=9, then="beat")
    life.ask("p0", asking(3, 0, 1))


def what_ended_never_comes_back(life: Machine) -> None:
    """A message that was under way for long asks for what has been given back."""
    _two(life)
    life.ask("p0", asking(3, 0, 1, 2))
    life.ask("p0", asking(1, 1))
    life.ask("p0", asking(2, 1))
    life.ask("p1", asking(2, 0, 1))


def a_job_takes_its_turn(life: Machine) -> None:
    """One token at a time while others wait, and all that are free when it is alone."""
    life.someone_joins()
    life.resize(2)
    life.ask("p0", asking(1, 2))
    life.submit(8, 1)
    life.ask("p0", asking(3, 2))
    life.ask("p0", asking(5, 0, 1, 2))
    life.take(6)
    life.finish(0, again=True)
    life.ask("p0", asking(5, 0, 3, 4))


def a_job_does_not_take_the_turn_of_the_dead(life: Machine) -> None:
    """What a dead waiter would have had goes to the next in the queue."""
    for _ in range(3):
        life.someone_joins()
    life.resize(2)
    life.ask("p0", asking(1, 2))
    life.ask("p1", asking(1, 1))
    life.submit(8, 1)
    life.ask("p2", asking(1, 1))
    life.one_expires_at_this_moment(who=9, then="beat")
    life.ask("p0", asking(3, 0, 1, 2))


def a_running_job_is_cancelled_in_the_queue(life: Machine) -> None:
    """What nobody runs gives its tokens back at once, the rest when it has stopped."""
    life.submit(8, 3)
    life.take(1)
    life.someone_joins()
    life.ask("p0", asking(1, 3))
    life.cancel(0, again=True)
    life.finish(0, again=True)


def a_pause_lends_nothing(life: Machine) -> None:
    """And takes nothing from anybody."""
    _two(life)
    life.resize(0)
    life.ask("p0", asking(3, 0, 1))
    life.resize(2)
    life.leave(1)
    life.leave(9)


def a_limiter_of_those_who_lost_a_session_is_shut_for_one(life: Machine) -> None:
    """Others may be about to hear of the same loss, with tokens in use."""
    life.someone_joins()
    life.someone_joins()
    life.ask("p0", Ask(NAME, 1, -TTL_MS, look=False, first=1, new=1, ends=(), impatient=()))
    life.time_passes(TTL_MS - 100)
    life.beat(1)
    life.tend()
    life.time_passes(200)
    life.tend()


SCENES: tuple[Callable[[Machine], None], ...] = (
    a_dead_holder_is_noticed_by_whoever_looks,
    a_dead_holder_is_noticed_by_a_newcomer,
    a_dead_holder_is_noticed_by_a_worker,
    a_place_that_is_gone_is_told_of,
    many_are_lent_at_once,
    a_job_asks_anew_for_a_place_that_is_gone,
    a_dead_waiter_is_passed_over,
    what_ended_never_comes_back,
    a_job_takes_its_turn,
    a_job_does_not_take_the_turn_of_the_dead,
    a_running_job_is_cancelled_in_the_queue,
    a_pause_lends_nothing,
    a_limiter_of_those_who_lost_a_session_is_shut_for_one,
)
