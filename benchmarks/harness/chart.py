"""Pictures of the figures, as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.figures import Round, Spread, figure
from harness.report import OURS, RAW, SPEED

OWN, LIMIT, PEER = "#c8553d", "#9aa5b1", "#3d6b8e"
INCH = 0.32  # height of a bar with its gap

mpl.rcParams |= {
    "svg.fonttype": "none",  # text stays text: small files, and a search finds it
    "svg.hashsalt": "bench",  # the same figures give the same file
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One small chart of a series: what it shows, and a spread for each label."""

    title: str
    points: tuple[tuple[str, Spread], ...]
    unit: str = "calls/s"
    along: str = ""


def compare(rounds: Sequence[Round], names: Sequence[str], path: Path) -> None:
    """One row of bars per contender, one panel per row of the comparison, on log scales."""
    sheet = Figure(figsize=(3.2 * len(SPEED), 1.2 + INCH * len(names)), layout="constrained")
    for axes, column in zip(sheet.subplots(1, len(SPEED), sharey=True), SPEED, strict=True):
        axes.set_title(column.label)
        axes.set_xscale("log")
        axes.set_xlabel("log scale")
        for place, name in enumerate(names):
            found = figure(rounds, name, column.key)
            if found is not None:
                colour = {OURS: OWN, RAW: LIMIT}.get(name, PEER)
                _bar(axes, place, found, colour, f"{found.middle:,.{column.digits}f}")
        axes.set_yticks(range(len(names)), names)
        axes.margins(x=0.25)
        axes.invert_yaxis()
    _save(sheet, path)


def series(panels: Sequence[Panel], path: Path) -> None:
    """Small charts side by side, three in a row."""
    high = -(-len(panels) // 3)
    sheet = Figure(figsize=(10.5, 2.6 * high), layout="constrained")
    places = list(sheet.subplots(high, 3, squeeze=False).flat)
    for axes, panel in zip(places, panels, strict=False):
        axes.set_title(panel.title)
        axes.set_ylabel(panel.unit)
        middles = [point.middle for _, point in panel.points]
        lows = [point.middle - point.least for _, point in panel.points]
        highs = [point.most - point.middle for _, point in panel.points]
        xs = range(len(panel.points))
        axes.errorbar(xs, middles, yerr=(lows, highs), color=OWN, marker="o", capsize=3)
        axes.set_xticks(xs, [label for label, _ in panel.points])
        axes.set_ylim(0, 1.15 * max(point.most for _, point in panel.points))
        axes.set_xlabel(panel.along)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    _save(sheet, path)


def _bar(axes: Axes, place: int, found: Spread, colour: str, text: str) -> None:
    error = [[found.middle - found.least], [found.most - found.middle]]
    axes.barh(place, found.middle, xerr=error, color=colour, ecolor="#555555", height=0.7)
    axes.annotate(
        text,
        (found.most, place),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
    )


def _save(sheet: Figure, path: Path) -> None:
    sheet.savefig(path, metadata={"Date": None})
