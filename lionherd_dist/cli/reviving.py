"""Making the call of a dead letter again, signed for its new place where calls are signed."""

from lionherd_dist.cli.asking import Asker
from lionherd_dist.errors import SignatureError
from lionherd_dist.settings import Settings
from lionherd_dist.store import letters as store
from lionherd_dist.wire.signing import Seal


async def revive(asker: Asker, id_: str) -> store.Revival:
    """What became of the wish to make the letter's call again."""
    seal = Seal(Settings(namespace=asker.namespace).signing_keys, asker.namespace)
    if not seal.signs:
        return await store.revive(asker.connection, asker.keys, id_)
    letter = await store.letter(asker.connection, asker.keys, id_)
    if letter is None or not letter.job:  # gone, or made again by an earlier try
        return await store.revive(asker.connection, asker.keys, id_)
    try:
        call = seal.opened("call", letter.payload, letter.job, letter.index)
    except SignatureError:
        return store.Revival.NO_CALL  # whoever made it had no key: it is not for us to sign
    payload = seal.signed("call", call, store.job_of(id_), 0)
    return await store.revive(asker.connection, asker.keys, id_, payload=payload)
