"""Text for people: of servers and users, shown and not obeyed by a terminal; lengths of time."""

MOST_CHARACTERS = 500


def printable(text: str, most: int = MOST_CHARACTERS) -> str:
    """*text* on one line, cut after *most* characters; what is no sign is written as its escape.

    That covers control characters of both kinds, ESC among them, line ends of every kind, marks
    that change the direction of writing, and half surrogate pairs.
    """
    shown = "".join(map(_shown, text[:most]))
    return f"{shown}…" if len(text) > most else shown


def _shown(sign: str) -> str:
    return sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode()


def span(seconds: float) -> str:
    """A length of time for people: ``0.8 s``, ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
