"""Signatures around encoded calls and outcomes: who has no key can neither make nor move one.

    signed  [2, tag, message]    the message as ``messages`` wrote it, 20 bytes before it

The tag is 16 bytes of keyed BLAKE2b over the message and its place: the namespace, the job's id,
the index in the job, and whether it is a call or an outcome. So a message that was signed is good
for one place only. Not covered, because the server changes them: the attempt, the deadline, how
many processes died with it. Nothing here remembers what it saw: the same call, put into the same
place of the same job again, is run again, as after the death of a worker.
"""

import hashlib
from collections.abc import Sequence
from hmac import compare_digest
from typing import Literal, TypeAlias

from lionherd_dist.errors import SignatureError
from lionherd_dist.wire.limits import DEFAULT_LIMITS

Kind: TypeAlias = Literal["call", "outcome"]

_TAG_BYTES = 16
_HEAD = b"\x93\x02\xc4\x10"  # msgpack's own words for: a list of three, the number 2, 16 bytes
_TAG_FROM = len(_HEAD)
_BEFORE = _TAG_FROM + _TAG_BYTES
_MOST_BYTES = _BEFORE + DEFAULT_LIMITS.max_bytes
_MOST_JOBS = 1_000


class Seal:
    """Signs with the first of *keys* and accepts each of them; without keys, signs nothing.

    Args:
        keys: secret texts, see ``Settings.signing_key``; never shown by anything here.
        namespace: of the jobs.

    Attributes:
        signs: True if there is a key.
    """

    signs: bool

    def __init__(self, keys: Sequence[str], namespace: str) -> None:
        self.signs = bool(keys)
        self._of = {
            kind: _Jobs([_keyed(key, kind, namespace) for key in keys]) for kind in _PERSONS
        }

    def signed(self, kind: Kind, message: bytes, job: str, index: int) -> bytes:
        """*message*, signed for its place; as it is where there is no key."""
        if not self.signs:
            return message
        return _HEAD + _tag(self._of[kind][job][0], message, index) + message

    def opened(self, kind: Kind, data: bytes, job: str, index: int) -> bytes:
        """The message in *data*, which may be anything, once its signature was found good.

        Without a key, an unsigned message is taken at its word, and so is a signed outcome: it is
        no worse for its signature. A signed call is not: its client wants more than we can do.

        Raises:
            SignatureError: it is not signed for this place with a key that is accepted here.
        """
        if not self.signs:
            if kind == "call" and data.startswith(_HEAD):
                raise SignatureError(
                    "the call is signed, and this process has no key to check that with: give it "
                    "the signing key of its clients"
                )
            return unsigned(data)
        if not data.startswith(_HEAD):
            raise SignatureError(
                f"the {kind} is not signed, and only signed ones are accepted here: give the "
                "signing key to all clients and workers of the namespace"
            )
        if len(data) > _MOST_BYTES:
            raise SignatureError(f"the {kind} is too large to be ours: {len(data)} bytes")
        tag, message = data[_TAG_FROM:_BEFORE], data[_BEFORE:]
        for one in self._of[kind][job]:  # spelt out: any() takes half as long again, for every call
            if compare_digest(tag, _tag(one, message, index)):
                return message
        raise SignatureError(
            f"the {kind} has a wrong signature: it was signed with a key that is not accepted "
            "here, or changed, or moved here from another place"
        )


def unsigned(data: bytes) -> bytes:
    """*data* without its signature, unchecked: to show it, never to obey it."""
    return data[_BEFORE:] if data.startswith(_HEAD) else data


_PERSONS: dict[Kind, bytes] = {"call": b"lionherd call", "outcome": b"lionherd outcome"}


def _keyed(key: str, kind: Kind, namespace: str) -> hashlib.blake2b:
    """What every tag of *kind* begins with; copied for each, as that is cheaper than a new one."""
    digest = hashlib.blake2b(key.encode(), person=b"lionherd key").digest()  # a key of any length
    keyed = hashlib.blake2b(key=digest, person=_PERSONS[kind], digest_size=_TAG_BYTES)
    keyed.update(b"%d %b " % (len(namespace), namespace.encode()))
    return keyed


class _Jobs(dict[str, list[hashlib.blake2b]]):
    """What every tag of a job begins with, for each key: kept, as it is the same for all calls."""

    def __init__(self, keyed: list[hashlib.blake2b]) -> None:
        self._keyed = keyed

    def __missing__(self, job: str) -> list[hashlib.blake2b]:
        if len(self) >= _MOST_JOBS:
            self.clear()
        found = self[job] = [one.copy() for one in self._keyed]
        for one in found:
            one.update(b"%d %b " % (len(job), job.encode()))
        return found


def _tag(placed: hashlib.blake2b, message: bytes, index: int) -> bytes:
    """Lengths stand before what they measure, so that no two places read alike."""
    hash_ = placed.copy()
    hash_.update(b"%d %b" % (index, message))
    return hash_.digest()
