"""Numbers and foreign text as the page shows them."""

from html import escape

from lionherd_dist.printable import printable


def shown(text: str, most: int = 200) -> str:
    """*text* of users, harmless in HTML, its control characters escaped."""
    return escape(printable(text, most))


def number(value: float) -> str:
    """A count or a rate: ``0.25``, ``7.5``, ``1,250``."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def duration(ms: float) -> str:
    """A length of time: ``0.25 ms``, ``12 ms``, ``1.5 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if ms < 1000:
        return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.2g} ms"
    if ms < 60_000:
        return f"{ms / 1000:.3g} s"
    seconds = round(ms / 1000)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
