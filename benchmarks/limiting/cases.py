"""What is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """*coroutines* in each of *processes*, each taking a token and giving it back, on and on.

    Args:
        hold: each gives way to the others of its process once while it holds.
    """

    name: str
    title: str
    processes: int
    coroutines: int
    total: int
    hold: bool


SINGLE = Case("single", "one coroutine", 1, 1, 1, hold=False)
MANY = Case("many", "100 coroutines of one process, 100 tokens", 1, 100, 100, hold=False)
CONTENDED = Case(
    "contended", "4 processes with 50 coroutines each, 10 tokens", 4, 50, 10, hold=True
)
CASES = {case.name: case for case in (SINGLE, MANY, CONTENDED)}
