"""How the numbers that end are told to a limiter, without a server."""

import pytest

from lionherd_dist.store.keys import Keys
from lionherd_dist.store.limits import Ask, lend_request

COUNT_AT, RUN_AT = 8, 10


@pytest.mark.parametrize(
    ("ends", "run", "told"),
    [
        ((), "", ()),
        ((7,), "", (7,)),
        ((7, 8), 7, ()),
        (tuple(range(98, 103)), 98, ()),
        ((7, 9), "", (7, 9)),
        ((8, 7), "", (8, 7)),
        ((7, 99, 9), "", (7, 99, 9)),
        ((7, 7, 9), "", (7, 7, 9)),
    ],
    ids=str,
)
def test_numbers_that_count_on_are_told_as_one_run(
    ends: tuple[int, ...], run: int | str, told: tuple[int, ...]
) -> None:
    """And all others one by one, though first and last may look like a run's."""
    ask = Ask("api", 1, 0, look=True, first=200, new=1, ends=ends, impatient=(200,), waiting=(5,))
    _, _, args = lend_request(Keys("test"), "S", ask)
    assert (args[COUNT_AT], args[RUN_AT]) == (len(ends), run)
    assert tuple(args[RUN_AT + 1 :]) == (*told, 200, 5)
