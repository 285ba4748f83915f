"""A password that would be known again, and everything that people can read while it is used."""

import logging
import os
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import tasks
from helpers import wait_until
from servers import Server, site

from lionherd_dist import (
    Cluster,
    JobNotFoundError,
    Settings,
    StoreRefusedError,
    StoreUnavailableError,
    Worker,
)
from lionherd_dist.embedded.child import Child
from lionherd_dist.environment import redis_address
from lionherd_dist.runtime.process import Order
from lionherd_dist.store.connection import Connection

pytestmark = pytest.mark.anyio

CANARY = "canary-3141"
TESTS = Path(__file__).parent.parent
SETTINGS = Settings(namespace="secrets", session_s=1, patience_s=0.5)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that wants the canary of everybody."""
    async with site() as place:
        server = await place.server()
        await server.ask("CONFIG", "SET", "requirepass", CANARY)  # no argument, which is public
        yield server


def arguments_of_all() -> str:
    """The list of processes, where the system shows one."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended
            continue
    return "\n".join(found)


@asynccontextmanager
async def workers(server: Server, password: Path) -> AsyncIterator[Child]:
    """Two worker processes under the command, told of the *password* as containers are."""
    environment = {name: value for name, value in os.environ.items() if "LIONHERD" not in name}
    environment |= {
        "LIONHERD_REDIS_PASSWORD_FILE": str(password),
        "LIONHERD_DEBUG": "1",
        "PYTHONPATH": os.pathsep.join([str(TESTS), environment.get("PYTHONPATH", "")]),
    }
    options = ("--redis", f"redis://{server.node}", "--namespace", SETTINGS.namespace)
    child = await Child.start(
        [sys.executable, "-m", "lionherd_dist", "worker", "tasks", "--processes", "2", *options],
        env=environment,
    )
    try:
        yield child
    finally:
        await child.stop(10)


async def failing(url: str, *, server: Server) -> AsyncIterator[BaseException]:
    """The errors of whatever can go wrong, and what they were caused by."""
    wrong = url.replace(CANARY, f"{CANARY}-wrong")
    elsewhere = url.replace("127.0.0.1", "h.invalid")
    for there in (wrong, elsewhere, f"{url}/0/{CANARY}", f"{url}?{CANARY}"):
        try:
            async with Cluster(there, settings=SETTINGS):
                pytest.fail("it was let in")
        except (StoreRefusedError, ValueError) as error:
            yield error
        try:
            await Worker(tasks, redis=there, settings=SETTINGS).run()
        except (StoreRefusedError, ValueError) as error:
            yield error
    async with Cluster(url, settings=SETTINGS) as cluster:
        try:
            await cluster.run(tasks.fail.call("no"))
        except ValueError as error:
            yield error
        try:
            async with cluster.attach("nothing"):
                pass
        except JobNotFoundError as error:
            yield error
        await server.kill()
        try:
            await cluster.run(tasks.double.call(1))
        except StoreUnavailableError as error:
            yield error


async def test_a_password_is_shown_nowhere(
    server: Server,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not in logs, output, errors with their causes, reprs, nor in the list of processes."""
    caplog.set_level(logging.DEBUG)
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(CANARY)
    wrong.write_text(f"{CANARY}-wrong")
    url = f"redis://:{CANARY}@{server.node}"
    shown: dict[str, str] = {}
    with anyio.fail_after(60):
        async with workers(server, wrong) as refused:
            assert await refused.wait() == 1
        async with workers(server, right) as admitted:
            await wait_until(lambda: "ready:" in admitted.output, description="all is ready")
            shown["processes"] = arguments_of_all()
            errors = [error async for error in failing(url, server=server)]
        shown["output"] = refused.output + admitted.output
    shown["errors"] = "".join("".join(traceback.format_exception(error)) for error in errors)
    things = (
        Cluster(url),
        Worker(tasks, redis=url),
        Connection(url, name="test"),
        redis_address(url),
        Order(("tasks",), url, 1, 1.0, SETTINGS),
    )
    for thing in things:
        inside = getattr(thing, "__dict__", {})
        shown[f"repr of {type(thing).__name__}"] = f"{thing!r} {thing} {inside!r}"
    shown["logs"] = "\n".join(f"{record!r} {record.getMessage()}" for record in caplog.records)
    shown["our output"] = "".join(capfd.readouterr())
    assert len(errors) >= 9
    assert "--processes 2" in shown["processes"] or sys.platform != "linux"
    assert "Check the user, the password" in shown["output"]
    assert {what for what, text in shown.items() if CANARY in text} == set()
