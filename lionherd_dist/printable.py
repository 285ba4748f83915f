"""Text from servers and users, made safe for a terminal: what it holds is shown, not obeyed."""

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
