"""Where this process runs: for people, and as the server is told, which no other process equals."""

import os
import secrets
import socket

from lionherd_dist.store.places import place_of

# The token and the process that it belongs to: a forked process is another one.
_token: list[tuple[int, str]] = []


def here() -> str:
    """Where this process runs, for people: ``host:pid``."""
    return f"{socket.gethostname()}:{os.getpid()}"


def use_token(token: str) -> None:
    """Have *token*, which whoever started this process knows, in the place of this process."""
    _token[:] = [(os.getpid(), token)]


def own_place() -> str:
    """What sessions of this process register as their place."""
    if not _token or _token[0][0] != os.getpid():
        use_token(secrets.token_hex(16))
    return place_of(here(), _token[0][1])
