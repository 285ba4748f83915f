"""From the figures of many rounds to medians, ratios and judgements. No I/O."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Figures = Mapping[str, float]
Round = Mapping[str, Figures]  # by contender


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of one figure over the rounds."""

    middle: float
    least: float
    most: float

    def text(self, digits: int) -> str:
        """``median (least to most)``; "unknown" where the machine does not tell."""
        if math.isnan(self.middle):
            return "unknown"
        middle, least, most = (
            f"{value:,.{digits}f}" for value in (self.middle, self.least, self.most)
        )
        return f"{middle} ({least} to {most})"


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def figure(rounds: Sequence[Round], who: str, key: str) -> Spread | None:
    """The spread of *key* of contender *who*; None if no round has it."""
    values = [one[who][key] for one in rounds if key in one.get(who, ())]
    return spread(values) if values else None


def ratio(rounds: Sequence[Round], above: str, below: str, key: str) -> Spread | None:
    """The spread of *above* / *below*, taken within each round.

    Other work on the machine moves both figures of a round, and so not their ratio.
    """
    values = [
        one[above][key] / one[below][key]
        for one in rounds
        if key in one.get(above, ()) and one.get(below, {}).get(key)
    ]
    return spread(values) if values else None


def best(
    rounds: Sequence[Round], names: Iterable[str], key: str, *, most: bool
) -> tuple[str, Spread] | None:
    """Which of *names* has the best median of *key*, and that figure."""
    found = [(name, one) for name in names if (one := figure(rounds, name, key)) is not None]
    if not found:
        return None
    return (max if most else min)(found, key=lambda pair: pair[1].middle)


def rotated(names: Sequence[str], number: int) -> list[str]:
    """The order of round *number*: nobody always follows the same one, nor always begins."""
    cut = number % len(names)
    return [*names[cut:], *names[:cut]]


@dataclass(frozen=True, slots=True)
class Target:
    """What was to be reached, what was reached, and whether that is enough."""

    wanted: str
    reached: str
    met: bool


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def judged(targets: Iterable[Target]) -> str:
    """*targets* as a table."""
    rows = [[one.wanted, one.reached, "yes" if one.met else "**no**"] for one in targets]
    return markdown(["target", "reached", "met"], rows)
