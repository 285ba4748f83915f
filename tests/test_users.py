"""The users of ``compose/users.acl``: what each needs, and nothing else."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
import redis
import tasks
from helpers import wait_until
from road import collect, working
from users import add_users, allowed, refusals, rules, url_for

from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.loading import load_scripts
from lionherd_dist.store.scripts import ALL, BURY
from lionherd_dist.url import parse

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent
STORE = ROOT / "lionherd_dist" / "store"
SETTINGS = Settings(session_s=2, patience_s=10)
KEYS = Keys(SETTINGS.namespace)
TAKING = {"xreadgroup", "xack", "xgroup|create", "xgroup|delconsumer", "client|unblock"}
NOT_NEEDED = {  # what is asked for, and done without
    ("client", "xgroup|delconsumer"),  # a client that quits is no consumer
    *((user, "client|setinfo") for user in rules()),  # Redis 7.0 has no such rule
}
FORBIDDEN = (
    "FLUSHALL",
    "KEYS *",
    "SCAN 0",
    "SCRIPT LOAD return(1)",
    "CONFIG GET requirepass",
    "EVAL return(1) 0",
    "SCRIPT FLUSH",
    "XGROUP DESTROY ld1:{default}:calls workers",
    "MONITOR",
    "CLIENT LIST",
    "ACL LIST",
    "SUBSCRIBE anything",
    "REPLICAOF NO ONE",
    "SHUTDOWN",
    "GET elsewhere",
    "HGET elsewhere field",
    "HGET ldap:users field",
    "HGET ld1:{other}:job:a-1 next",
    "HGET ld1:{default} field",
    "RENAME ld1:{default}:dead elsewhere",
)


def used_by_scripts() -> set[str]:
    """The commands of all scripts, as ACL rules name them."""
    found: set[str] = set()
    for path in (STORE / "lua").glob("*.lua"):
        for name, first in re.findall(
            r"redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?", path.read_text()
        ):
            sub = name in {"XGROUP", "XINFO"}
            found.add(f"{name}|{first}".lower() if sub else name.lower())
    return found


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server that knows the users, and the scripts."""
    async with private_server() as url:
        add_users(url)
        await load_scripts(parse(url_for("scripts", url)), ALL)
        yield url


def test_workers_may_do_what_the_scripts_do() -> None:
    """A script with a new command needs a new rule."""
    assert used_by_scripts() <= allowed("worker")


def test_clients_may_do_the_same_but_take_no_calls() -> None:
    """Nor acknowledge them; scripts that try it for the sake of workers pass over it."""
    assert allowed("client") == allowed("worker") - TAKING


def test_nobody_comes_in_without_a_password_but_the_health_check() -> None:
    """The check may ask whether the server answers, and as what; nothing else."""
    assert rules()["default"][:2] == ["off", "resetpass"]
    assert allowed("health") == {"ping", "role"}
    assert [user for user, words in rules().items() if "nopass" in words] == ["health"]


def test_a_restarting_server_may_carry_its_own_log_out() -> None:
    """Many servers replay scripts as the default user, and drop all that it has no right to."""
    assert {"allkeys", "allchannels", "+@all"} < set(rules()["default"])


async def test_jobs_of_every_kind_need_no_other_rights(url: str) -> None:
    """Run, retry, cancel, limit, submit, attach; and nothing was refused that they need."""
    stage = tasks.new_stage()
    async with (
        working(url_for("worker", url), SETTINGS),
        Cluster(url_for("client", url), settings=SETTINGS) as cluster,
    ):
        assert await collect(cluster) == 0
        assert await cluster.run(tasks.flaky.call("a", 2)) == 3
        with anyio.move_on_after(0.2):
            await cluster.gather(*map(tasks.hold.call, range(50)))
        assert stage.running == 0
        limiter = cluster.capacity_limiter("api", 2)
        doubled = await cluster.bounded_map(tasks.double, range(4), limit=limiter)
        assert doubled == [0, 2, 4, 6]
        async with limiter:
            pass
        job = await cluster.submit(map(tasks.double.call, range(5)))
        async with cluster.attach(job) as stream:
            assert sorted([pair async for pair in stream]) == [(n, 2 * n) for n in range(5)]
    assert refusals(url) <= NOT_NEEDED


@pytest.mark.parametrize("name", ["calls", "due", "limits", "control"])
async def test_what_others_broke_is_mended_without_other_rights(url: str, name: str) -> None:
    """Keys of another type than they should be are put aside, by whoever meets them."""
    async with (
        working(url_for("worker", url), SETTINGS),
        Cluster(url_for("client", url), settings=SETTINGS) as cluster,
    ):
        with redis.Redis.from_url(url) as server:
            server.delete(KEYS.prefix + name)
            server.set(KEYS.prefix + name, "of a wrong type")
            await wait_until(
                lambda: bool(server.exists(f"{KEYS.prefix}aside:{name}")),
                description="it is put aside",
            )
        assert await cluster.run(tasks.double.call(2)) == 4
    assert refusals(url) <= NOT_NEEDED


async def test_a_dead_workers_calls_are_given_on_by_users_like_these(url: str) -> None:
    """Finding, taking over and burying need no more."""
    stage = tasks.new_stage()
    calls = [tasks.hold.call(n) for n in range(2)]
    async with (
        working(url_for("worker", url), SETTINGS, slots=2),
        Cluster(url_for("client", url), settings=SETTINGS) as cluster,
        cluster.completion_stream(calls, limit=2) as stream,
    ):
        await wait_until(lambda: len(stage.started) == 2, description="both calls run")
        with redis.Redis.from_url(url) as server:
            (session,) = {*server.hkeys(KEYS.slots)} - {b"*"}
            server.zadd(KEYS.sessions, {session: 1})
        await wait_until(lambda: len(stage.started) == 4, description="both calls run again")
        stage.gate.set()
        assert sorted([pair async for pair in stream]) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("user", ["worker", "client"])
@pytest.mark.parametrize("command", FORBIDDEN)
async def test_what_no_job_needs_is_refused(url: str, user: str, command: str) -> None:
    """Reading all keys, other people's keys, settings, destruction."""
    with (
        redis.Redis.from_url(url_for(user, url)) as server,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        server.execute_command(*command.split())


@pytest.mark.parametrize("user", ["worker", "client"])
@pytest.mark.parametrize("command", ["'FLUSHALL'", "'GET', 'x'", "'HGET', 'elsewhere', 'x'"])
async def test_a_script_may_do_no_more_than_who_sent_it(url: str, user: str, command: str) -> None:
    """It is no way around the rules."""
    with redis.Redis.from_url(url) as server:
        sha = server.script_load(f"return redis.call({command})")
    with (
        redis.Redis.from_url(url_for(user, url)) as server,
        pytest.raises(redis.exceptions.RedisError, match=r"ACL failure|permissions"),
    ):
        server.evalsha(sha, 0)


@pytest.mark.parametrize("user", ["worker", "client"])
async def test_within_the_namespace_each_may_do_everything(url: str, user: str) -> None:
    """Read, forge and delete what is another's."""
    with redis.Redis.from_url(url) as server, redis.Redis.from_url(url_for(user, url)) as other:
        server.hset(KEYS.job("s-1"), "total", 1)
        assert other.hget(KEYS.job("s-1"), "total") == b"1"
        assert other.xadd(KEYS.inbox("s"), {"j": "s-1", "0": "forged"})
        assert other.delete(KEYS.job("s-1")) == 1
        assert not server.exists(KEYS.job("s-1"))


@pytest.mark.parametrize(
    "command", [f"EVALSHA {BURY.sha} 0", f"DEL {KEYS.calls}", "SCAN 0", "INFO", "SCRIPT FLUSH"]
)
async def test_who_loads_scripts_runs_none_and_reads_nothing(url: str, command: str) -> None:
    """A password that leaks there is no password of the namespace."""
    with (
        redis.Redis.from_url(url_for("scripts", url)) as server,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        server.execute_command(*command.split())


@pytest.mark.parametrize("user", ["worker", "client"])
async def test_no_other_script_can_be_run_than_those_that_are_loaded(url: str, user: str) -> None:
    """Neither by its text nor by a name that the server does not know."""
    with redis.Redis.from_url(url_for(user, url)) as server:
        with pytest.raises(redis.exceptions.NoPermissionError):
            server.eval("return 1", 0)
        with pytest.raises(redis.exceptions.NoPermissionError):
            server.script_load("return 1")
        with pytest.raises(redis.exceptions.NoScriptError):
            server.evalsha(hashlib.sha1(b"return 1").hexdigest(), 0)
