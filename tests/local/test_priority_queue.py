"""``PriorityQueue``."""

from contextlib import suppress

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionherd_dist.local import PriorityQueue, QueueEmpty, QueueFull


@given(st.lists(st.integers()))
def test_items_come_out_in_order(items):
    """Whatever the order they went in."""

    async def through(items):
        queue = PriorityQueue()
        for item in items:
            await queue.put(item)
        return [await queue.get_nowait() for _ in items]

    assert anyio.run(through, items) == sorted(items)


@pytest.mark.anyio
async def test_full_and_empty_say_so():
    """By method, and by error where there is no waiting."""
    queue = PriorityQueue(maxsize=1)
    assert queue.maxsize == 1
    assert queue.empty()
    with pytest.raises(QueueEmpty):
        await queue.get_nowait()
    await queue.put_nowait((1, "a"))
    assert queue.full()
    assert queue.qsize() == 1
    with pytest.raises(QueueFull, match="1 items"):
        await queue.put_nowait((2, "b"))


@pytest.mark.anyio
async def test_get_waits_for_an_item_and_put_for_room(settled):
    """Each is woken by the other."""
    queue = PriorityQueue(maxsize=1)
    got = []

    async def get():
        got.append(await queue.get())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(get)
        await settled()
        await queue.put(3)
        await settled()
        assert got == [3]
        await queue.put(2)
        tasks.start_soon(queue.put, 1)
        await settled()
        assert queue.qsize() == 1
        assert await queue.get() == 2
        assert await queue.get() == 1


@pytest.mark.anyio
async def test_many_putters_and_getters_of_a_small_queue_all_finish():
    """No signal reaches one that cannot use it while another one waits."""
    queue = PriorityQueue(maxsize=1)
    got = []

    async def get():
        got.append(await queue.get())

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for item in range(50):
                tasks.start_soon(queue.put, item)
                tasks.start_soon(get)
    assert sorted(got) == list(range(50))


@pytest.mark.anyio
async def test_getter_cancelled_with_its_signal_in_hand_passes_it_on(settled):
    """The item goes to the next one waiting."""
    queue = PriorityQueue()
    got = []
    scopes = []

    async def get(name):
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            got.append((name, await queue.get()))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(get, "a")
            await settled()
            tasks.start_soon(get, "b")
            await settled()
            scopes[0].cancel()
            await queue.put_nowait(1)
    assert [item for _, item in got] == [1]


@pytest.mark.anyio
async def test_cancelled_waiter_leaves_no_trace(settled):
    """The next signal goes to one that still waits."""
    queue = PriorityQueue()
    got = []

    async def get():
        got.append(await queue.get())

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            with anyio.move_on_after(0):
                await queue.get()
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as doomed:
                    doomed.start_soon(get)
                    await settled()
                    scope.cancel()
            tasks.start_soon(get)
            await settled()
            await queue.put(1)
    assert got == [1]


class Stubborn:
    """A payload whose comparison ends as it is told to."""

    def __init__(self, name, answer):
        self.name = name
        self.answer = answer

    def __lt__(self, other):
        return self.answer()


def raises(error):
    def answer():
        raise error

    return answer


class Array:
    """As numpy's: the answer of a comparison has no truth value."""

    def __bool__(self):
        raise ValueError("the truth value of an array is ambiguous")


INCOMPARABLE = {
    "dicts": lambda name: {"name": name},
    "no order": lambda name: object(),
    "TypeError": lambda name: Stubborn(name, raises(TypeError())),
    "another error": lambda name: Stubborn(name, raises(RuntimeError())),
    "array": lambda name: Stubborn(name, Array),
    "sets": lambda name: {name},
    "not a number": lambda name: float("nan"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("payload_of", INCOMPARABLE.values(), ids=INCOMPARABLE.keys())
async def test_what_cannot_be_compared_comes_out_in_the_order_in_which_it_came(payload_of):
    """Beside what can be, which is compared whole."""
    queue = PriorityQueue()
    items = [(number % 3, payload_of(number), number) for number in range(30)]
    for item in items:
        await queue.put(item)
    got = [await queue.get() for _ in items]
    assert [item[2] for item in got] == [*range(0, 30, 3), *range(1, 30, 3), *range(2, 30, 3)]
    assert queue.empty()


@pytest.mark.anyio
async def test_items_are_compared_whole():
    """Not by their first part alone; equal ones come out in the order in which they came."""
    queue = PriorityQueue()
    for item in [(1, "c"), (1, "a"), (0, "z"), (1, "b")]:
        await queue.put(item)
    assert [await queue.get() for _ in range(4)] == [(0, "z"), (1, "a"), (1, "b"), (1, "c")]


async def through_a_queue_whose_comparison(fails_at, error):
    """What was put in and what came out where comparison number *fails_at* raises *error*."""
    left = fails_at

    class Item(int):
        def __lt__(self, other):
            nonlocal left
            left -= 1
            if left == -1:
                raise error
            return int(self) < int(other)

    queue = PriorityQueue()
    taken, given = [], []
    for number in [5, 1, 4, 2, 3, 0]:
        with suppress(error):
            await queue.put(Item(number))
            taken.append(number)
        assert queue.qsize() == len(taken)
    while not queue.empty():
        with suppress(error):
            given.append(int(await queue.get()))
    return taken, given


@pytest.mark.anyio
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_nothing_is_held_that_was_refused_and_nothing_lost_that_was_taken(error):
    """Whichever comparison is interrupted, in putting and in taking."""
    lengths = set()
    for fails_at in range(16):
        taken, given = await through_a_queue_whose_comparison(fails_at, error)
        assert given == sorted(taken)
        lengths.add(len(taken))
    assert lengths == {5, 6}


@pytest.mark.anyio
@pytest.mark.parametrize("error", [TypeError, ValueError])
async def test_a_comparison_that_fails_neither_refuses_nor_loses_anything(error):
    """The two have no order then, and all come out."""
    for fails_at in range(16):
        taken, given = await through_a_queue_whose_comparison(fails_at, error)
        assert sorted(given) == sorted(taken) == list(range(6))


@pytest.mark.anyio
async def test_room_that_an_interrupted_put_did_not_use_goes_to_the_next_in_line(settled):
    """And an item that an interrupted get did not take, to the next getter."""
    queue = PriorityQueue(maxsize=2)
    done = []

    async def put(item):
        try:
            await queue.put(item)
        except SystemExit:
            done.append("interrupted")
        else:
            done.append("put")

    quiet = Stubborn("quiet", lambda: False)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            await queue.put(quiet)
            await queue.put(quiet)
            tasks.start_soon(put, Stubborn("loud", raises(SystemExit())))
            await settled()
            tasks.start_soon(put, quiet)
            await settled()
            await queue.get()
    assert done == ["interrupted", "put"]
    assert queue.qsize() == 2


@pytest.mark.anyio
async def test_an_item_that_an_interrupted_get_did_not_take_goes_to_the_next_in_line(settled):
    """The item is still there, and the one that waits for it is told."""
    queue = PriorityQueue()
    interrupts = []
    done = []

    def compare():
        if interrupts:
            raise interrupts.pop()
        return False

    async def get():
        try:
            await queue.get()
        except SystemExit:
            done.append("interrupted")
        else:
            done.append("got")

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(get)
            await settled()
            for name in range(3):
                await queue.put_nowait(Stubborn(name, compare))
            interrupts.append(SystemExit())
    assert sorted(done) == ["got", "got", "got", "interrupted"]
