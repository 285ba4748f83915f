"""``scripts load``: as a user who may do nothing else, once or for as long as it runs."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import anyio.to_thread
import pytest
import redis
from helpers import wait_until
from own_server import own_server
from users import add_users, refusals, url_for

from lionherd_dist.cli.main import run as program
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.scripts import ALL

pytestmark = pytest.mark.anyio

SHAS = [script.sha for script in ALL]
WARNING = (
    "Warning: whoever can list this machine's processes can read the login in --redis. Set "
    "LIONHERD_REDIS_URL instead, or LIONHERD_REDIS_URL_FILE to a file with the URL.\n"
)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server that knows the users, and no scripts."""
    async with private_server() as url:
        add_users(url)
        yield url


def known(url: str) -> int:
    """How many of the scripts the server knows."""
    with redis.Redis.from_url(url) as server:
        return sum(server.script_exists(*SHAS))


def forget(url: str) -> None:
    with redis.Redis.from_url(url) as server:
        server.script_flush()


async def load(url: str, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of ``scripts load``."""
    arguments = ["scripts", "load", "--redis", url, *options]
    status = await anyio.to_thread.run_sync(program, arguments)
    out, err = capsys.readouterr()
    return status, out, err.replace(WARNING, "")


async def test_all_scripts_are_loaded_and_counted(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence; a second time there is nothing to do."""
    mine = url_for("scripts", url)
    shown = url.partition("?")[0]
    status, out, err = await load(mine, capsys)
    assert (status, err, known(url)) == (0, "", len(ALL))
    assert out == f"{shown} has all {len(ALL)} scripts; {len(ALL)} of them were missing\n"
    assert (await load(mine, capsys))[1].endswith("none of them was missing\n")
    assert refusals(url) <= {("scripts", "client|setinfo")}


async def test_in_json_there_is_an_object_with_each_server(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cluster has several."""
    with redis.Redis.from_url(url) as server:
        server.script_load(ALL[0].text)
    out = (await load(url_for("scripts", url), capsys, "--json"))[1]
    (found,) = json.loads(out)["servers"]
    assert (found["scripts"], found["new"]) == (len(ALL), len(ALL) - 1)


async def test_who_may_not_load_them_is_told_who_should(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, and a sentence."""
    status, out, err = await load(url_for("worker", url), capsys)
    assert (status, out) == (1, "")
    assert "may not load them: run `lionherd-dist scripts load` as an operator" in err


async def test_what_the_server_forgot_is_loaded_again(url: str, start, tmp_path: Path) -> None:
    """With --watch: until Ctrl-C, and a file says that all is well."""
    alive = tmp_path / "alive"
    command = ("scripts", "load", "--redis", url_for("scripts", url), "--watch", "--every", "0.1")
    watch = start(*command, "--alive-file", str(alive), "--json")
    await wait_until(alive.exists, description="they are loaded", within_s=20)
    assert known(url) == len(ALL)
    forget(url)
    await wait_until(lambda: known(url) == len(ALL), description="they are loaded again")
    watch.send_signal(signal.SIGINT)
    out, err = await anyio.to_thread.run_sync(lambda: watch.communicate(timeout=20))
    assert (watch.returncode, err.decode()) == (0, WARNING)
    assert [json.loads(line)["servers"][0]["new"] for line in out.splitlines()] == [len(ALL)] * 2


async def test_a_server_that_is_away_is_waited_for(start) -> None:
    """With --watch: one sentence however often it is tried; then the scripts are loaded."""
    async with own_server() as server:
        url = server.url
        watch = start("scripts", "load", "--redis", url, "--watch", "--every", "0.1")
        assert b"were missing" in await anyio.to_thread.run_sync(watch.stdout.readline)
        await server.kill()
        assert b"tried again" in await anyio.to_thread.run_sync(watch.stderr.readline)
        await server.start()
        assert b"were missing" in await anyio.to_thread.run_sync(watch.stdout.readline)
        watch.send_signal(signal.SIGINT)
        out, err = await anyio.to_thread.run_sync(lambda: watch.communicate(timeout=20))
        assert (watch.returncode, out, err) == (0, b"", b"")
