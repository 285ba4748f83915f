"""A module that a differently deployed worker has."""

from lionherd_dist import task


@task
async def other(n: int) -> int:
    return n
