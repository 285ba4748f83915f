"""All numbers with their unit and default, checked where they come in."""

import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from lionherd_dist.arguments import number, shown, whole_number

SIGNING_KEY_VARIABLE = "LIONHERD_SIGNING_KEY"
SIGNING_KEY_FILE_VARIABLE = "LIONHERD_SIGNING_KEY_FILE"

_LEAST_KEY_CHARACTERS = 32

_A_SESSION = "give a number of seconds, as a session lasts at least 1 second and not for ever"
_A_STALL = "give seconds, 0 or more, or None for any time"
_A_COUNT = "give a whole number, at least 1"

_NAMESPACE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def check_namespace(namespace: str) -> None:
    """Refuse a namespace that could not stand inside a key."""
    if not isinstance(cast("object", namespace), str):
        raise TypeError(f"namespace is {shown(namespace)}: give a text, such as 'default'")
    if not _NAMESPACE.fullmatch(namespace):
        raise ValueError(f"namespace {namespace!r}: use 1 to 64 of A-Z a-z 0-9 _ . -")


def signing_key_here() -> str:
    """The signing key that the environment gives, itself or as the path of a file; or "".

    Raises:
        ValueError: it gives two, or a file that cannot be read or holds none.
    """
    given = os.environ.get(SIGNING_KEY_VARIABLE, "")
    path = os.environ.get(SIGNING_KEY_FILE_VARIABLE, "")
    if given and path:
        raise ValueError(
            f"{SIGNING_KEY_VARIABLE} and {SIGNING_KEY_FILE_VARIABLE} are both set: set one of them"
        )
    if not path:
        return given
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"{SIGNING_KEY_FILE_VARIABLE}: {path} cannot be read: {type(error).__name__}"
        ) from None  # a UnicodeDecodeError holds what was read
    if not text.strip():
        raise ValueError(f"{SIGNING_KEY_FILE_VARIABLE}: {path} is empty: put the key into it")
    return text


def _check_signing_key(text: str) -> None:
    """Refuse keys that could be guessed; no message ever shows one."""
    if not isinstance(cast("object", text), str):
        raise TypeError(f"signing_key is {type(text).__name__}: give a text")
    if text and not text.split():
        raise ValueError("signing_key is blank: give a key, or an empty text for none")
    if not text.isascii():  # one text, as everybody reads it: no encodings, no look-alikes
        raise ValueError("a signing key has characters that are not ASCII: use letters and digits")
    shortest = min(map(len, text.split()), default=_LEAST_KEY_CHARACTERS)
    if shortest < _LEAST_KEY_CHARACTERS:
        raise ValueError(
            f"a signing key has {shortest} characters: give at least {_LEAST_KEY_CHARACTERS} "
            "random ones, for example from `openssl rand -hex 32`"
        )


def check_settings(given: object) -> None:
    """Refuse what was given for settings and is none."""
    if given is not None and not isinstance(given, Settings):
        raise TypeError(f"settings is {shown(given)}: give Settings(...), or None for the defaults")


@dataclass(frozen=True, slots=True)
class Settings:
    """How one process takes part in a namespace.

    Args:
        namespace: what separates independent clusters on one server.
        session_s: seconds after which a process that no longer renews its session is held dead.
        stall_limit_s: seconds for which the event loop may stand still before the process gives its
            session up; None to renew it however long one function blocks.
        patience_s: seconds for which requests to a server that does not answer are sent again.
        cancel_wait_s: seconds that leaving a pattern early waits for the workers to stop.
        unread_cap: outcomes of a job that may wait for its consumer; then nothing is released.
        ahead: calls of a job that may be submitted and not finished; bounds what Redis holds.
        ahead_bytes: the same in bytes, for large calls.
        fresh_server: True if the server has no earlier life, in which somebody may have held a
            token of a limiter: then a limiter lends at once on a server that has just started. A
            LocalCluster sets it for its own server.
        signing_key: signs calls and outcomes, and refuses those that are not signed with it; ""
            signs nothing. Several, with white space between them, while a new one is introduced:
            the first signs, each is accepted. Unless given, what ``LIONHERD_SIGNING_KEY`` holds, or
            the file that ``LIONHERD_SIGNING_KEY_FILE`` names. Not part of the repr.
    """

    namespace: str = "default"
    session_s: float = 15.0
    stall_limit_s: float | None = 150.0
    patience_s: float = 30.0
    cancel_wait_s: float = 10.0
    unread_cap: int = 2_000
    ahead: int = 4_000
    ahead_bytes: int = 16 * 1024 * 1024
    fresh_server: bool = False
    signing_key: str = field(default_factory=signing_key_here, repr=False)

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        _check_signing_key(self.signing_key)
        session_s = number("session_s", self.session_s, least=1, instead=_A_SESSION)
        if session_s == math.inf:
            raise ValueError(f"session_s is {session_s}: {_A_SESSION}")
        for name in ("patience_s", "cancel_wait_s"):
            number(name, getattr(self, name), least=0, instead="give seconds, 0 or more")
        if self.stall_limit_s is not None:
            number("stall_limit_s", self.stall_limit_s, least=0, instead=_A_STALL)
        for name in ("unread_cap", "ahead", "ahead_bytes"):
            whole_number(name, getattr(self, name), least=1, instead=_A_COUNT)
        if not isinstance(self.fresh_server, bool):
            raise TypeError(f"fresh_server is {shown(self.fresh_server)}: give True or False")

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """Each of the keys, the one that signs first."""
        return tuple(self.signing_key.split())

    @property
    def session_ms(self) -> int:
        """The session's length as the server counts it."""
        return int(self.session_s * 1000)
