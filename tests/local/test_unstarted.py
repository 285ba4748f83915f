"""Closing what will never run."""

from lionherd_dist.local import gather, race, retry
from lionherd_dist.local.unstarted import close_rest, close_unstarted


async def coro():
    pass


def test_only_coroutines_that_have_not_begun_are_closed(never_awaited):
    """A running one, a future and a number stay as they are."""

    class Pause:
        def __await__(self):
            yield

    async def wait():
        await Pause()

    running = wait()
    running.send(None)
    close_unstarted([coro(), running, 5, None])
    assert running.cr_frame is not None
    running.close()
    assert never_awaited() == []


def test_what_is_left_of_a_list_is_closed(never_awaited):
    """Given as a list, a tuple, a set, or an iterator over one."""
    close_rest([coro()])
    close_rest((coro(),))
    close_rest({coro()})
    close_rest({1: coro()}.values())
    rest = iter([coro(), coro()])
    next(rest).close()
    close_rest(rest)
    assert never_awaited() == []


def test_lazy_iterables_make_nothing_new():
    """A generator is closed, a map is left alone."""
    made, closed = [], []

    def lazy():
        try:
            while True:
                made.append(1)
                yield coro()
        finally:
            closed.append(True)

    generator = lazy()
    next(generator).close()
    close_rest(generator)
    assert (made, closed) == ([1], [True])
    close_rest(map(made.append, [2]))
    assert made == [1]


def test_patterns_that_have_not_begun_are_closed_with_what_they_hold(never_awaited):
    """A gather of a race of coroutines, abandoned before its first step, warns of nothing."""
    close_unstarted([gather(coro(), race(coro(), coro()), retry(coro))])
    assert never_awaited() == []
