"""What a run of ``map`` has done so far, as numbers, and those numbers as text."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lionherd_dist.cli.outcomes import Done, Failed, Result
from lionherd_dist.printable import printable, span

MOST_KINDS = 20  # of failures that the summary lists


@dataclass(slots=True)
class Tally:
    """Counts of one run.

    Attributes:
        total: how many items there are; None while that is not known.
        done: items with an outcome, failures included.
        before: how many of all were done in other runs, whose job this one goes on to read.
        failures: how many failed, by the name of the error's class.
        examples: the first failure of each class, for people.
        refused: those of *done* that were no items, and so never ran.
        on_first_failure: is told of the first failure of what was an item.
    """

    total: int | None = None
    done: int = 0
    before: int = 0
    refused: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    on_first_failure: Callable[[int, Failed], None] | None = None

    def settled(self, index: int, result: Result) -> None:
        """Count item *index*, of which this became."""
        self.done += 1
        if isinstance(result, Done):
            return
        if result.line is not None:
            self.refused += 1
        elif self.on_first_failure is not None:
            tell, self.on_first_failure = self.on_first_failure, None
            tell(index, result)
        self.failures[result.type_name] += 1
        if result.type_name not in self.examples:
            self.examples[result.type_name] = result.described(index)

    @property
    def failed_count(self) -> int:
        """How many failed."""
        return self.failures.total()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Items done per second, since the start."""
        return self.done / max(self.elapsed_s, 1e-9)

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at this rate; None if that cannot be said."""
        if self.total is None or self.done == self.refused:  # nothing has run yet
            return None
        return max(0, self.total - self.before - self.done) / self.rate


def status_line(tally: Tally) -> str:
    """Where the run stands, on one line: what is printed now and then where no bar can be."""
    of_all = f" of {tally.total:,}" if tally.total is not None else ""
    parts = [f"{tally.before + tally.done:,}{of_all} done", _failed(tally)]
    parts.append(f"{per_second(tally.rate)}")
    if tally.left_s is not None:
        parts.append(f"{span(tally.left_s)} left")
    return ", ".join(parts)


def _failed(tally: Tally) -> str:
    return f"{tally.failed_count:,} of them failed" if tally.failed_count else "0 failed"


def summary(tally: Tally) -> str:
    """What was done, when it is over: one line, and one more for each kind of failure."""
    counts = f"{tally.done:,} done, {_failed(tally)}"
    kinds = [
        f"  {count:,} {printable(type_name)}, the first: {tally.examples[type_name]}"
        for type_name, count in tally.failures.most_common(MOST_KINDS)
    ]
    if (more := len(tally.failures) - MOST_KINDS) > 0:
        kinds.append(f"  and {more:,} more kinds of failures")
    return "\n".join([f"{counts}, in {span(tally.elapsed_s)}, {per_second(tally.rate)}", *kinds])


def per_second(rate: float) -> str:
    """A rate for people: ``3.2/s``, ``1,250/s``."""
    return f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s"
