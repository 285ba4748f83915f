"""A private server: fresh, private, quick, and gone."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anyio
import pytest
from helpers import wait_until

from lionherd_dist.embedded import server
from lionherd_dist.embedded.server import private_server
from lionherd_dist.errors import ServerNotFoundError, ServerStartError

pytestmark = pytest.mark.anyio


def socket_of(url: str) -> Path:
    parts = urlsplit(url)
    assert parts.scheme == "unix"
    return Path(unquote(parts.path))


def ask(url: str, line: str) -> str:
    """What the server says to one inline command."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(socket_of(url)))
        connection.sendall(line.encode() + b"\r\n")
        return connection.recv(65536).decode()


@pytest.fixture
def tmpdir_of_our_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short directory that only this test's servers are made in."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        yield Path(directory)


def names_in(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))  # noqa: PTH208 (names are what is compared)


def servers_under(directory: Path) -> list[str]:
    """Command lines of running servers with a socket below *directory*."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in listed.splitlines() if str(directory) in line and line[0] != "Z"]


async def test_a_server_answers_at_once() -> None:
    """Ready means ready."""
    async with private_server() as url:
        assert ask(url, "PING") == "+PONG\r\n"
        assert ask(url, "SET key value") == "+OK\r\n"


async def test_its_url_is_understood_by_redis() -> None:
    """Also where the path has characters that a URL may not have."""
    redis = pytest.importorskip("redis.asyncio")
    async with private_server() as url, redis.Redis.from_url(url) as client:
        assert await client.ping()


async def test_nobody_else_can_open_it(tmpdir_of_our_own: Path) -> None:
    """No port; a directory and a socket of mode 700 and 600."""
    async with private_server() as url:
        path = socket_of(url)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "\r\n0\r\n" in ask(url, "CONFIG GET port")


async def test_nothing_of_it_is_left(tmpdir_of_our_own: Path) -> None:
    """No process, no directory, no descriptor."""
    before = names_in(Path("/dev/fd"))
    async with private_server() as url:
        assert len(servers_under(tmpdir_of_our_own)) == 2  # itself, and its watcher
        assert ask(url, "SET key value") == "+OK\r\n"
    assert names_in(tmpdir_of_our_own) == []
    assert names_in(Path("/dev/fd")) == before
    await wait_until(lambda: not servers_under(tmpdir_of_our_own), description="nothing runs")


async def test_nothing_is_left_when_the_body_fails(tmpdir_of_our_own: Path) -> None:
    """The error is the body's own."""
    with pytest.raises(KeyError):
        async with private_server():
            raise KeyError("mine")
    assert names_in(tmpdir_of_our_own) == []


@pytest.mark.parametrize("after_turns", [0, 1, 2, 4, 8, 16])
async def test_a_start_that_is_cancelled_leaves_nothing(
    tmpdir_of_our_own: Path, after_turns: int
) -> None:
    """At whatever moment it comes; and it is not held up."""

    async def run() -> None:
        async with private_server():
            await anyio.sleep_forever()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(run)
            for _ in range(after_turns):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
    assert names_in(tmpdir_of_our_own) == []
    await wait_until(lambda: not servers_under(tmpdir_of_our_own), description="nothing runs")


async def test_two_servers_are_two() -> None:
    """Each with its own socket and its own keys."""
    async with private_server() as one, private_server() as two:
        assert ask(one, "SET key 1") == "+OK\r\n"
        assert ask(two, "GET key") == "$-1\r\n"


async def test_a_long_tmpdir_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's path may have 103 bytes on macOS; pytest's directories alone may have more."""
    long = tmp_path / ("d" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    async with private_server() as url:
        assert len(os.fsencode(socket_of(url))) < 100
        assert ask(url, "PING") == "+PONG\r\n"
        path = socket_of(url)
    assert not path.parent.exists()
    assert names_in(long) == []


async def test_a_tmpdir_with_odd_characters_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks, quotes, per cent."""
    redis = pytest.importorskip("redis.asyncio")
    with tempfile.TemporaryDirectory(prefix='a b"%41', dir="/tmp") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        async with private_server() as url, redis.Redis.from_url(url) as client:
            assert await client.ping()


async def test_options_reach_the_server() -> None:
    """Ours come first, so that a caller's win."""
    async with private_server(extra=("--maxmemory", "7mb")) as url:
        assert str(7 * 1024 * 1024) in ask(url, "CONFIG GET maxmemory")


async def test_a_server_that_does_not_start_shows_its_log(tmpdir_of_our_own: Path) -> None:
    """Its own words are the best help."""
    with pytest.raises(ServerStartError, match=r"ended with 1.*\n.*(?s:.)*no-such-option"):
        async with private_server(extra=("--no-such-option", "1")):
            pass
    assert names_in(tmpdir_of_our_own) == []


async def test_a_program_that_never_answers_is_given_up(
    tmpdir_of_our_own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bounded time, with what it said, and it is stopped."""
    monkeypatch.setattr(server, "_START_S", 0.3)
    silent = tmpdir_of_our_own / "silent"
    silent.write_text("#!/bin/sh\necho I am busy\nexec sleep 1000\n")
    silent.chmod(0o755)
    with pytest.raises(ServerStartError, match=r"did not answer within 0.3 s(?s:.)*I am busy"):
        async with private_server(str(silent)):
            pass
    assert names_in(tmpdir_of_our_own) == ["silent"]


async def test_a_missing_program_is_named(tmpdir_of_our_own: Path) -> None:
    """Before anything is made."""
    with pytest.raises(ServerNotFoundError, match="/none/here"):
        async with private_server("/none/here"):
            pass
    assert names_in(tmpdir_of_our_own) == []


PARENT = """
import asyncio, sys
from lionherd_dist.embedded.server import private_server
async def main():
    async with private_server() as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
asyncio.run(main())
"""


def parent_in(directory: Path) -> subprocess.Popen[str]:
    """A process that runs a server with a directory in *directory*, and says its URL."""
    return subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(directory)},
    )


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT", "end"])
async def test_the_server_ends_with_its_process(tmpdir_of_our_own: Path, how: str) -> None:
    """However that ends; and its directory with it."""
    with parent_in(tmpdir_of_our_own) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert ask(url, "PING") == "+PONG\r\n"
        assert socket_of(url).parent.parent == tmpdir_of_our_own
        if how != "end":
            parent.send_signal(signal.Signals[how])
    await wait_until(lambda: not servers_under(tmpdir_of_our_own), description="nothing runs")
    assert names_in(tmpdir_of_our_own) == []
