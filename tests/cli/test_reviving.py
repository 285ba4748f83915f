"""A dead letter that is made again, where calls are signed: signed anew, or not at all."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import tasks
from road import working
from store_bench import Bench, chunk

from lionherd_dist import Cluster, Settings
from lionherd_dist.cli.asking import Asker
from lionherd_dist.cli.reviving import revive
from lionherd_dist.store import letters
from lionherd_dist.store.calls import Dead
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.letters import Letter, Revival, job_of
from lionherd_dist.wire.messages import encode_call
from lionherd_dist.wire.signing import Seal

pytestmark = pytest.mark.anyio

OLD, NEW = "the-key-of-last-year-is-32-signs-", "the-key-of-this-year-is-32-signs-"
STRANGE = "a-key-that-nobody-here-has-heard-of"
CALL = encode_call(tasks.double.call(21))

Give = Callable[[str], None]


@pytest.fixture
async def bench(connection: Connection, settings: Settings) -> Bench:
    """A client C and a worker W with four slots."""
    bench = Bench(connection, Keys(settings.namespace))
    assert await bench.hello("C")
    assert await bench.hello("W", slots=4)
    return bench


@pytest.fixture
def give_keys(monkeypatch: pytest.MonkeyPatch) -> Give:
    """Gives the operator's command these keys, as its environment does."""
    return lambda keys: monkeypatch.setenv("LIONHERD_SIGNING_KEY", keys)


@pytest.fixture
def asker(bench: Bench, settings: Settings) -> Asker:
    return Asker(bench.connection, bench.keys, settings.namespace)


async def bury(bench: Bench, payload: bytes) -> Letter:
    """The letter of the call ``C-1 0``, which stood there as *payload*."""
    await bench.submit("C", replace(chunk(count=1, total=1), calls=[payload]))
    taken = await bench.take("W")
    await bench.hand("W").finish(bench.connection, [Dead(one, b"why") for one in taken])
    (letter,) = await letters.letters(bench.connection, bench.keys, most=10, before="")
    return letter


def signed(key: str, settings: Settings) -> bytes:
    """``CALL`` as a client with *key* signs it for the place that it is buried from."""
    return Seal([key], settings.namespace).signed("call", CALL, "C-1", 0)


async def test_it_is_signed_for_its_new_place_with_the_key_that_signs(
    bench: Bench, settings: Settings, asker: Asker, give_keys: Give
) -> None:
    """Also where the first client signed with a key that is only accepted by now."""
    give_keys(f"{NEW} {OLD}")
    letter = await bury(bench, signed(OLD, settings))
    assert await revive(asker, letter.id) is Revival.THERE
    (taken,) = await bench.take("W")
    seal = Seal([NEW], settings.namespace)
    assert taken.job == job_of(letter.id)
    assert seal.opened("call", taken.payload, job_of(letter.id), 0) == CALL
    assert await letters.letter(bench.connection, bench.keys, letter.id) is None
    await bench.cancel(taken.job)


async def test_a_worker_with_the_key_runs_it(
    bench: Bench, settings: Settings, redis_url: str, asker: Asker, give_keys: Give
) -> None:
    """To the outcome that whoever attaches reads."""
    give_keys(NEW)
    keyed = replace(settings, signing_key=NEW)
    letter = await bury(bench, signed(NEW, settings))
    assert await revive(asker, letter.id) is Revival.THERE
    async with (
        working(redis_url, keyed),
        Cluster(redis_url, settings=keyed) as cluster,
        cluster.attach(job_of(letter.id)) as stream,
    ):
        assert [pair async for pair in stream] == [(0, 42)]


@pytest.mark.parametrize("key", ["", STRANGE], ids=["unsigned", "signed by a stranger"])
async def test_what_we_cannot_vouch_for_is_not_signed(
    bench: Bench, settings: Settings, asker: Asker, give_keys: Give, key: str
) -> None:
    """Else requeue would be the way to have a forged call signed; and the letter stays."""
    give_keys(NEW)
    letter = await bury(bench, signed(key, settings) if key else CALL)
    assert await revive(asker, letter.id) is Revival.NO_CALL
    assert await bench.take("W") == []
    assert await letters.letter(bench.connection, bench.keys, letter.id) == letter


async def test_a_letter_that_was_moved_is_not_signed(
    bench: Bench, settings: Settings, asker: Asker, give_keys: Give
) -> None:
    """Its signature is good for one place: of another job, it proves nothing."""
    give_keys(NEW)
    elsewhere = Seal([NEW], settings.namespace).signed("call", CALL, "C-2", 0)
    letter = await bury(bench, elsewhere)
    assert await revive(asker, letter.id) is Revival.NO_CALL


async def test_asked_again_it_is_there_still(
    bench: Bench, settings: Settings, asker: Asker, give_keys: Give
) -> None:
    """The letter is gone by then; the call is not made twice."""
    give_keys(NEW)
    letter = await bury(bench, signed(NEW, settings))
    for _ in range(3):
        assert await revive(asker, letter.id) is Revival.THERE
    assert len(await bench.take("W")) == 1
    await bench.cancel(job_of(letter.id))


async def test_what_was_never_there_or_never_a_call_is_told(
    bench: Bench, asker: Asker, give_keys: Give
) -> None:
    """With a key as without."""
    await bench.connection.call("XADD", bench.keys.dead, "7-7", "some", "thing")
    await bench.connection.call("PEXPIRE", bench.keys.dead, 60_000)
    for key in (NEW, ""):
        give_keys(key)
        assert await revive(asker, "1-1") is Revival.NO_LETTER
        assert await revive(asker, "7-7") is Revival.NO_CALL


@pytest.mark.parametrize("key", ["", NEW], ids=["unsigned", "signed"])
async def test_without_a_key_it_is_made_again_as_it_stands(
    bench: Bench, settings: Settings, asker: Asker, give_keys: Give, key: str
) -> None:
    """A signed one then is refused by workers with the key, and nothing else: it was moved."""
    give_keys("")
    payload = signed(key, settings) if key else CALL
    letter = await bury(bench, payload)
    assert await revive(asker, letter.id) is Revival.THERE
    (taken,) = await bench.take("W")
    assert taken.payload == payload
    await bench.cancel(taken.job)
