"""Charts as SVG that stretches to any width: shapes only, words stand beside them in HTML.

A stretched chart would stretch its letters, and a shrunk one would make them unreadable.
"""

from collections.abc import Sequence

HEIGHT = 100
LEVELS = 5


def bars(values: Sequence[float], most: float, kind: str, titles: Sequence[str]) -> str:
    """A bar for each of *values*, one unit wide, as high as its share of *most*."""
    drawn = []
    for at, (value, title) in enumerate(zip(values, titles, strict=True)):
        high = _height(value, most)
        if high:
            drawn.append(
                f'<rect class="{kind}" x="{at}" y="{HEIGHT - high:g}" width="1" height="{high:g}">'
                f"<title>{title}</title></rect>"
            )
    return "".join(drawn)


def steps(values: Sequence[float], most: float, kind: str) -> str:
    """The outline of such bars as one filled shape."""
    if not values:
        return ""
    path = "".join(f"V{HEIGHT - _height(value, most):g}h1" for value in values)
    return f'<path class="{kind}" d="M0 {HEIGHT}{path}V{HEIGHT}z"/>'


def level(at: float, most: float, kind: str, width: int) -> str:
    """A line across, at the height of *at*."""
    y = HEIGHT - _height(at, most)
    return f'<path class="{kind}" d="M0 {y:g}H{width}"/>'


def upright(x: float, kind: str) -> str:
    """A line from top to bottom."""
    return f'<path class="{kind}" d="M{x:g} 0V{HEIGHT}"/>'


def strip(shares: Sequence[float]) -> str:
    """A row of cells, one unit wide each; the darker, the nearer its share is to 1."""
    paths = [""] * (LEVELS + 1)
    for at, share in enumerate(shares):
        paths[shade(share)] += f"M{at} 0h1v1h-1z"
    return "".join(
        f'<path class="s{number}" d="{path}"/>' for number, path in enumerate(paths) if path
    )


def shade(share: float) -> int:
    """0 for nothing at all, else 1 to ``LEVELS``."""
    return 0 if share <= 0 else min(LEVELS, 1 + int(share * LEVELS))


def chart(content: str, width: int, height: int = HEIGHT, *, kind: str = "chart") -> str:
    """*content*, *width* by *height* units, as large as its place."""
    return (
        f'<svg class="{kind}" viewBox="0 0 {max(1, width)} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true">{content}</svg>'
    )


def ceiling(most: float) -> float:
    """The next round number from *most* up: 1, 2 or 5 and zeros."""
    step = 1.0
    while step < most:
        step *= 10
    for part in (0.1, 0.2, 0.5):
        if step * part >= most:
            return step * part
    return step


def _height(value: float, most: float) -> float:
    return round(min(1.0, value / most) * HEIGHT, 1) if most else 0.0
