"""How much goes into one request or one reply: a server does nothing else while it copies that.

What scripts move inside the server is bounded likewise: see ``lua/_moved.lua``.
"""

MOST_BYTES = 2 * 1024 * 1024  # a few milliseconds of the server's; one item may be larger


class Portion:
    """How many entries to ask for, so that a reply holds about ``MOST_BYTES``.

    As many as fit if they are like those of the last reply.

    Args:
        most: entries, however small they are.
        first: how many to ask for before any was seen.
    """

    entries: int

    def __init__(self, most: int, *, first: int) -> None:
        self._most, self.entries = most, first

    def saw(self, entries: int, size: int) -> None:
        """The last reply had so many entries, of *size* bytes together."""
        if entries:
            self.entries = max(1, min(self._most, MOST_BYTES * entries // max(1, size)))
