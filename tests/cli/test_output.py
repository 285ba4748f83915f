"""Lines on their way to a reader that may be slow, or gone."""

import threading

import anyio
import pytest

from lionherd_dist.cli import output
from lionherd_dist.cli.output import LineWriter, OutputClosedError
from lionherd_dist.cli.spare_thread import in_spare_thread

pytestmark = pytest.mark.anyio


async def test_lines_that_come_during_a_write_go_together_into_the_next() -> None:
    """In their order, each once."""
    writes: list[bytes] = []
    begun, go_on = threading.Event(), threading.Event()

    def write(data: bytes) -> None:
        writes.append(data)
        begun.set()
        assert go_on.wait(20)

    writer = LineWriter(write)
    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        await writer.put([b"1"])
        with anyio.fail_after(20):
            await in_spare_thread(begun.wait)
            await writer.put([b"2", b"3"])
            await writer.put([b"4"])
            go_on.set()
            await writer.drained()
        group.cancel_scope.cancel()
    assert writes == [b"1", b"234"]


async def test_a_reader_that_does_not_read_holds_up_whoever_puts(monkeypatch) -> None:
    """Memory is bounded: only so many lines wait."""
    monkeypatch.setattr(output, "MOST_WAITING", 3)
    begun, go_on = threading.Event(), threading.Event()

    def write(data: bytes) -> None:
        begun.set()
        assert go_on.wait(20)

    writer = LineWriter(write)
    put = 0
    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        await writer.put([b"first"])
        with anyio.fail_after(20):
            await in_spare_thread(begun.wait)
        with anyio.move_on_after(0.1):
            while True:
                await writer.put([b"x"])
                put += 1
        assert put == 3
        go_on.set()
        with anyio.fail_after(20):
            await writer.put([b"y"])
            await writer.drained()
        group.cancel_scope.cancel()


async def test_a_reader_that_is_gone_ends_the_writer() -> None:
    """The error comes out of the writer, and nobody waits for lines that cannot be written."""

    def write(data: bytes) -> None:
        raise OutputClosedError

    writer = LineWriter(write)
    with pytest.raises(ExceptionGroup) as caught:
        async with anyio.create_task_group() as group:
            group.start_soon(writer.run)
            await writer.put([b"1"])
            await anyio.sleep_forever()
    assert caught.group_contains(OutputClosedError)
    writer.add([b"2"])
    with anyio.fail_after(1):
        await writer.drained()


async def test_a_thread_that_blocks_is_left_alone_on_cancellation() -> None:
    """Whoever waited goes on at once; the thread's result is dropped."""
    go_on = threading.Event()
    with anyio.move_on_after(0.05) as scope:
        await in_spare_thread(lambda: go_on.wait(20))
    assert scope.cancelled_caught
    go_on.set()


async def test_an_error_in_the_thread_is_raised_where_it_is_waited_for() -> None:
    """As if it had been called here."""
    with pytest.raises(ZeroDivisionError):
        await in_spare_thread(lambda: 1 // 0)
