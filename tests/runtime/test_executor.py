"""What the executor decides before it starts a call."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
import tasks

from lionherd_dist.runtime.executor import Executor, Ways
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Back, Done, Settled, Taken
from lionherd_dist.task import tasks_of
from lionherd_dist.wire.messages import encode_call
from lionherd_dist.wire.signing import Seal

pytestmark = pytest.mark.anyio


async def nobody(_: object) -> bool:
    return False


async def never(_: object) -> int:
    return 0


def executor(settle: Callable[[Settled], None], *, trusted: bool) -> Executor:
    known: Callable[[str], Awaitable[bool]] = nobody
    ways = Ways(settle=settle, known_elsewhere=known, alone=never, trusted=lambda: trusted)
    return Executor(
        tasks_of([tasks]),
        set(),
        ways,
        slots=2,
        name="here",
        clock=ServerClock(1_000_000),
        seal=Seal((), "default"),
    )


def taken(deadline_ms: int = 0) -> Taken:
    return Taken(b"1-1", "J-1", 0, 1, deadline_ms, 0, encode_call(tasks.double.call(2)))


@pytest.mark.parametrize(("trusted", "kind"), [(True, Done), (False, Back)])
async def test_a_call_does_not_start_after_a_pause_that_outlasted_the_session(
    trusted: bool, kind: type[Settled]
) -> None:
    """Somebody else has it by then; what is said of it is refused by the server anyway."""
    settled: list[Settled] = []
    async with executor(settled.append, trusted=trusted) as running:
        running.accept(taken())
        with anyio.fail_after(10):
            await running.idle()
    assert [type(one) for one in settled] == [kind]


async def test_a_call_in_hand_is_not_run_twice() -> None:
    """However often the server says that it is ours."""
    settled: list[Settled] = []
    async with executor(settled.append, trusted=True) as running:
        running.accept(taken())
        running.accept(taken())
        with anyio.fail_after(10):
            await running.idle()
    assert len(settled) == 1
