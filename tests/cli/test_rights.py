"""The operator's commands by the users of ``compose/users.acl``: nothing they need is refused."""

import json
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio.to_thread
import pytest
from helpers import wait_until
from users import add_users, refusals, rules, url_for

from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.loading import load_scripts
from lionherd_dist.store.scripts import ALL
from lionherd_dist.url import parse

pytestmark = pytest.mark.anyio

NOT_FOR_CLIENTS = {  # doctor and whoever quits ask for more than they need
    *((user, "client|setinfo") for user in rules()),  # Redis 7.0 has no such rule
    *(("client", name) for name in ("config|get", "acl|getuser", "acl|users")),
    ("client", "xgroup|delconsumer"),
}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with private_server() as url:
        add_users(url)
        await load_scripts(parse(url_for("scripts", url)), ALL)
        yield url


async def test_the_commands_of_operators_need_no_more_than_a_client_may(
    url: str, start: Callable[..., "subprocess.Popen[bytes]"], folder: Path
) -> None:
    """With a worker process and jobs of each kind; the ACL log of the server tells."""
    worker = start("worker", "my_tasks", "--redis", url_for("worker", url))

    async def do(*arguments: str, status: int = 0) -> str:
        process = start(*arguments, "--redis", url_for("client", url))
        out, err = await anyio.to_thread.run_sync(lambda: process.communicate(timeout=30))
        assert process.returncode == status, f"{arguments}: {out!r} {err!r}"
        return out.decode()

    def is_ready() -> bool:
        return b"ready" in worker.stderr.readline().lower()

    await anyio.to_thread.run_sync(is_ready)
    await do("health", "--worker")
    (folder / "others.py").write_text("from lionherd_dist import task\n@task\ndef unknown(x): ...")
    items = folder / "items"
    items.write_text("1\n2\n3\n")
    long_ = folder / "long"
    long_.write_text("60\n60\n")
    await do("map", "my_tasks:double", str(items), "--quiet")
    await do("map", "my_tasks:double", str(items), "--quiet", "--limiter", "api:2")
    await do("map", "others:unknown", str(items), "--quiet", status=1)
    job = (await do("map", "my_tasks:double", str(items), "--detach")).strip()
    await do("jobs", "show", job)
    assert len((await do("jobs", "attach", job, "--quiet")).splitlines()) == 3
    more = ("--limiter", "api:1", "--detach")
    job = (await do("map", "my_tasks:wait", str(long_), *more)).strip()

    async def waits() -> bool:
        return '"waiting": 1' in await do("limits", "ls", "--json")

    await wait_until(waits, description="a call waits for a token")
    for command in ("status", "jobs ls", "limits ls", "limits show api", "limits set api 3"):
        await do(*command.split())
    await do("limits", "evict", "api", job)
    await do("jobs", "cancel", job)
    letters = json.loads(await do("dead", "ls", "--json"))["letters"]
    first, second, *_ = [letter["id"] for letter in letters]
    await do("dead", "show", first)
    await do("dead", "requeue", first)
    await do("dead", "drop", second)
    assert "unknown" in await do("doctor", status=1)  # a private server keeps nothing
    worker.terminate()
    await anyio.to_thread.run_sync(lambda: worker.wait(20))
    assert refusals(url) <= NOT_FOR_CLIENTS
