"""Signatures around encoded calls and outcomes: who has no key can neither make nor move one.

    signed  [2, tag, message]    the message as ``messages`` wrote it, 20 bytes before it

The tag is 16 bytes of keyed BLAKE2b over the message and its place: the namespace, the job's id,
the index in the job, and whether it is a call or an outcome. So a message that was signed is good
for one place only. Not covered, because the server changes them: the attempt, the deadline, how
many processes died with it. Nothing here remembers what it saw: the same call, put into the same
place of the same job again, is run again, as after the death of a worker.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal, TypeAlias

from lionherd_dist.errors import SignatureError
from lionherd_dist.wire.limits import DEFAULT_LIMITS

Kind: TypeAlias = Literal["call", "outcome"]

_TAG_BYTES = 16
_HEAD = b"\x93\x02\xc4\x10"  # msgpack's own words for: a list of three, the number 2, 16 bytes
_BEFORE = len(_HEAD) + _TAG_BYTES
_MOST_BYTES = _BEFORE + DEFAULT_LIMITS.max_bytes


class Seal:
    """Signs with the first of *keys* and accepts each of them; without keys, signs nothing.

    Args:
        keys: secret texts, see ``Settings.signing_key``; never shown by anything here.
        namespace: of the jobs.
    """

    def __init__(self, keys: Sequence[str], namespace: str) -> None:
        self._keyed = {kind: [_keyed(key, kind, namespace) for key in keys] for kind in _PERSONS}

    @property
    def signs(self) -> bool:
        """True if there is a key."""
        return bool(self._keyed["call"])

    def signed(self, kind: Kind, message: bytes, job: str, index: int) -> bytes:
        """*message*, signed for its place; as it is where there is no key."""
        keyed = self._keyed[kind]
        return _HEAD + _tag(keyed[0], message, job, index) + message if keyed else message

    def opened(self, kind: Kind, data: bytes, job: str, index: int) -> bytes:
        """The message in *data*, which may be anything, once its signature was found good.

        Without a key, an unsigned message is taken at its word, and so is a signed outcome: it is
        no worse for its signature. A signed call is not: its client wants more than we can do.

        Raises:
            SignatureError: it is not signed for this place with a key that is accepted here.
        """
        keyed = self._keyed[kind]
        if not keyed:
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
        tag, message = data[len(_HEAD) : _BEFORE], data[_BEFORE:]
        for one in keyed:  # spelt out: any() takes half as long again, and this runs for every call
            if hmac.compare_digest(tag, _tag(one, message, job, index)):
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


def _tag(keyed: hashlib.blake2b, message: bytes, job: str, index: int) -> bytes:
    """Lengths stand before what they measure, so that no two places read alike."""
    hash_ = keyed.copy()
    hash_.update(b"%d %b %d %b" % (len(job), job.encode(), index, message))
    return hash_.digest()
