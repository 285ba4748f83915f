"""The work of both contenders: none, and a result that shows which call it belongs to."""

from lionherd_dist import task


async def double(number: int) -> int:
    return 2 * number


noop = task(double)


def check(results: list[tuple[int, int]], count: int) -> None:
    """Fail unless every call from 0 to *count* has exactly one result, and the right one."""
    if sorted(results) != [(number, 2 * number) for number in range(count)]:
        raise AssertionError(f"{count} calls gave {len(results)} results, not all of them right")
