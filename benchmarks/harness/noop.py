"""The work of every contender: none, and a result that shows which call it belongs to."""

from collections.abc import Iterable


async def double(number: int) -> int:
    return 2 * number


def double_now(number: int) -> int:
    """The same for contenders whose usual task is a plain function."""
    return 2 * number


def check(results: Iterable[tuple[int, int]], count: int) -> None:
    """Fail unless every call from 0 to *count* has exactly one result, and the right one."""
    found = sorted(results)
    if found != [(number, 2 * number) for number in range(count)]:
        raise AssertionError(f"{count} calls gave {len(found)} results, not all of them right")
