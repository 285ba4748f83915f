"""The server's clock as this process can know it: no decision compares two machines' clocks."""

import time


class ServerClock:
    """Server time, carried on by this process's monotonic clock between two readings.

    A reading was made by the server some time before its reply arrived, so the estimate is late by
    at most that round trip: a call is never held to be expired when it is not.
    """

    def __init__(self, now_ms: int) -> None:
        self._server_ms, self._read_at = now_ms, time.monotonic()

    def read(self, now_ms: int) -> None:
        """Note the server time that a reply has just brought."""
        self._server_ms, self._read_at = now_ms, time.monotonic()

    def age_s(self) -> float:
        """Seconds since the last reading; it grows while this process is paused, too."""
        return time.monotonic() - self._read_at

    def now_ms(self) -> float:
        """Server time now, in milliseconds."""
        return self._server_ms + (time.monotonic() - self._read_at) * 1000

    def left_s(self, deadline_ms: int) -> float:
        """Seconds until *deadline_ms*, server time; below 0 when it is past."""
        return (deadline_ms - self.now_ms()) / 1000
