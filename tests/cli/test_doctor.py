"""``doctor``: from facts to findings, and before real servers."""

import json
from dataclasses import replace

import anyio
import pytest
from containers.server import container
from own_server import KEEPING, own_server

from lionherd_dist.cli.server_diagnosis import (
    clock_finding,
    denied_findings,
    limiters_findings,
    memory_findings,
    persistence_finding,
    role_findings,
    version_finding,
)
from lionherd_dist.cli.space_diagnosis import space_findings
from lionherd_dist.cli.users_diagnosis import users_findings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.job_rows import JobRow
from lionherd_dist.store.reading import Overview, SessionRow
from lionherd_dist.store.scripts import ALL
from lionherd_dist.store.server_facts import Users, server_facts
from lionherd_dist.store.space_facts import SpaceFacts

WORKER = SessionRow("W", "web:1", 9_000, 4, ("t",), 0, 0)
JOB = JobRow("C-1", "C", 0, 0, 5, 5, 2, 2, 3, 0, 0, 1, None, "", cancelled=False)
SEEN = Overview(10**12, [WORKER], 1, [], 0, 0, 0, 0, 0, [])
FACTS = SpaceFacts(SEEN, [], [], [], [], 4)


@pytest.mark.parametrize(
    ("info", "greeting", "verdict"),
    [
        ({"redis_version": "7.0.15"}, {}, "ok"),
        ({"redis_version": "6.2.14"}, {}, "act"),
        ({"redis_version": "10.0.1"}, {}, "ok"),
        (
            {"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.1.2"},
            {},
            "ok",
        ),
        (
            {"redis_version": "7.0.0", "server_name": "valkey", "valkey_version": "7.1.0"},
            {},
            "act",
        ),
        ({"redis_version": "7.2.0", "dragonfly_version": "df-v1.2"}, {}, "act"),
        ({}, {"server": "redis", "version": "7.4.0"}, "ok"),
        ({}, {"server": "redis", "version": "6.0.0"}, "act"),
        ({}, {}, "unknown"),
    ],
    ids=str,
)
def test_old_and_strange_servers_are_told(
    info: dict[str, str], greeting: dict[str, str], verdict: str
) -> None:
    """Redis 7.0 or Valkey 7.2, from INFO or, where that is refused, from HELLO."""
    assert version_finding(info, greeting).verdict == verdict


@pytest.mark.parametrize(
    ("info", "settings", "verdict"),
    [
        ({"aof_enabled": "1"}, {"appendfsync": "everysec"}, "ok"),
        ({"aof_enabled": "1"}, {}, "ok"),
        ({"aof_enabled": "1"}, {"appendfsync": "no"}, "advice"),
        ({"aof_enabled": "1", "aof_last_write_status": "err"}, {}, "act"),
        ({"aof_enabled": "0"}, {"save": "3600 1"}, "advice"),
        ({"aof_enabled": "0", "rdb_last_bgsave_status": "err"}, {"save": "3600 1"}, "act"),
        ({"aof_enabled": "0"}, {"save": ""}, "act"),
        ({"aof_enabled": "0"}, {}, "advice"),
        ({}, {"save": ""}, "unknown"),
    ],
    ids=str,
)
def test_what_a_restart_would_cost_is_told(
    info: dict[str, str], settings: dict[str, str], verdict: str
) -> None:
    """AOF, snapshots, neither; and writes that failed."""
    assert persistence_finding(info, settings).verdict == verdict


@pytest.mark.parametrize(
    ("info", "verdicts"),
    [
        ({"maxmemory_policy": "noeviction", "maxmemory": "100", "used_memory": "50"}, "ok ok"),
        ({"maxmemory_policy": "noeviction", "maxmemory": "100", "used_memory": "95"}, "ok act"),
        ({"maxmemory_policy": "noeviction", "maxmemory": "0"}, "ok advice"),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": "100"}, "act ok"),
        ({"maxmemory_policy": "volatile-ttl", "maxmemory": "0"}, "advice advice"),
        ({"maxmemory_policy": "volatile-ttl", "evicted_keys": "7"}, "act advice"),
        (
            {"maxmemory_policy": "noeviction", "evicted_keys": "7"},
            "advice advice",
        ),
        ({"maxmemory_policy": "noeviction", "evicted_keys": "0"}, "ok advice"),
        ({}, "unknown"),
    ],
    ids=str,
)
def test_a_server_that_may_drop_keys_is_told(info: dict[str, str], verdicts: str) -> None:
    """And one that is nearly full."""
    findings = memory_findings(info)
    assert " ".join(one.verdict for one in findings) == verdicts
    assert ("evicted 7 keys" in findings[0].text) == (info.get("evicted_keys") == "7")


def test_replicas_clocks_and_rights_are_told() -> None:
    """Each only where there is something to say."""
    assert role_findings({"role": "master"}) == []
    (replica,) = role_findings({"role": "slave", "master_host": "h", "master_port": "1"})
    assert (replica.verdict, "h:1" in replica.remedy) == ("act", True)
    assert [clock_finding(ms).verdict for ms in (0, -5_000, 5_000)] == ["ok", "advice", "advice"]
    assert denied_findings(()) == []
    assert "INFO" in denied_findings(("INFO",))[0].text
    assert limiters_findings(("CONFIG",)) == []
    (limiters,) = limiters_findings(("CONFIG", "INFO"))
    assert (limiters.verdict, "+info" in limiters.remedy) == ("advice", True)


OPEN = Users(default_on=True, default_entitled=True, others=0)
SAFE = Users(default_on=False, default_entitled=True, others=2)
BARE = Users(default_on=False, default_entitled=False, others=2)
LOG = {"aof_enabled": "1", "redis_version": "7.0.15"}
FILE = {"aclfile": "/etc/users.acl"}


@pytest.mark.parametrize(
    ("users", "info", "settings", "verdicts"),
    [
        (None, LOG, FILE, ""),
        (OPEN, LOG, {"aclfile": ""}, "ok"),
        (SAFE, LOG, FILE, "ok"),
        (SAFE, LOG, {}, "ok"),
        (SAFE, LOG, {"aclfile": ""}, "advice"),
        (SAFE, {**LOG, "config_file": "/etc/redis.conf"}, {"aclfile": ""}, "ok"),
        (BARE, LOG, FILE, "act"),
        (BARE, {**LOG, "aof_enabled": "0"}, FILE, "ok"),
        (BARE, {**LOG, "redis_version": "8.4.1"}, FILE, "act"),
        (BARE, {**LOG, "redis_version": "8.6.0"}, FILE, "ok"),
        (BARE, {**LOG, "redis_version": "7.2.4", "valkey_version": "9.0.4"}, FILE, "act"),
        (BARE, {**LOG, "redis_version": "7.2.4", "valkey_version": "9.1.2"}, FILE, "ok"),
    ],
    ids=str,
)
def test_users_that_a_restart_would_be_the_end_of_are_told(
    users: Users | None, info: dict[str, str], settings: dict[str, str], verdicts: str
) -> None:
    """Forgotten, or in the way of what stands in the append-only file; where that can be known."""
    findings = users_findings(users, info, settings)
    assert " ".join(one.verdict for one in findings) == verdicts
    assert all(bool(one.remedy) == (one.verdict != "ok") for one in findings)


@pytest.mark.docker
def test_a_server_that_drops_what_default_may_not_do_needs_action(
    here, capsys: pytest.CaptureFixture[str]
) -> None:
    """The remedy that it names is one: afterwards there is nothing left to do."""

    async def examine(url: str) -> None:
        first = Connection(url, name="test")
        await first.call("CONFIG", "SET", "appendonly", "yes")
        await first.call("ACL", "SETUSER", "root", "on", ">root", "~*", "&*", "+@all")
        await first.call("ACL", "SETUSER", "default", "off", "resetkeys", "-@all")
        await first.close()
        root = url.replace("redis://", "redis://root:root@")
        doctor = ("doctor", "--json", "--redis", root)
        assert await anyio.to_thread.run_sync(lambda: here(*doctor)) == 1
        found = json.loads(capsys.readouterr().out)["findings"]
        (act,) = (one for one in found if one["verdict"] == "act")
        command = act["remedy"].partition(",")[0]
        assert act["about"] == "users"
        again = Connection(root, name="test")
        await again.call(*command.split())
        assert (await server_facts(again, ALL)).users == replace(SAFE, others=1)
        await again.close()
        assert await anyio.to_thread.run_sync(lambda: here(*doctor)) == 0

    with container() as url:
        anyio.run(examine, url)


def acts(facts: SpaceFacts) -> list[str]:
    return [one.about for one in space_findings(facts) if one.verdict == "act"]


def with_sessions(*sessions: SessionRow, **changes: int) -> SpaceFacts:
    seen = replace(SEEN, sessions=list(sessions), session_count=len(sessions), **changes)
    slots = sum(one.slots for one in sessions)
    return replace(FACTS, seen=seen, slots_told=slots)


def test_a_namespace_in_order_needs_nothing() -> None:
    """Nor does one that is empty."""
    assert acts(FACTS) == []
    assert acts(with_sessions()) == []


def test_what_is_wrong_in_a_namespace_is_told() -> None:
    """Each kind by its name."""
    assert acts(with_sessions(waiting=3)) == ["workers"]
    dead = replace(WORKER, left_ms=-1)
    assert acts(with_sessions(dead)) == ["sessions"]
    assert acts(with_sessions(WORKER, dead)) == []  # it will be seen to
    assert acts(with_sessions(WORKER, replace(dead, left_ms=-90_000))) == ["sessions"]
    assert acts(replace(FACTS, slots_told=9)) == ["slots"]
    assert acts(with_sessions(WORKER, dead=2)) == ["dead letters"]
    for field in ("lost_calls", "ownerless_jobs", "leftovers", "undying"):
        assert acts(replace(FACTS, **{field: ["x"]})) == ["orphans"]
    held = replace(FACTS, seen=replace(SEEN, jobs=[JOB]))
    assert [one.about for one in space_findings(held) if one.verdict == "advice"] == ["readers"]


def test_each_finding_that_is_not_ok_says_what_to_do() -> None:
    """Whatever it is about."""
    facts = with_sessions(replace(WORKER, left_ms=-90_000), waiting=1, dead=1)
    facts = replace(facts, lost_calls=["x"], slots_told=7)
    findings = [*space_findings(facts), *memory_findings({}), persistence_finding({}, {})]
    assert all(one.remedy for one in findings if one.verdict != "ok")
    assert not any(one.remedy for one in findings if one.verdict == "ok")


def test_a_server_in_order_is_0_and_one_without_persistence_is_1(
    here, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status says whether anything needs action."""

    async def examine() -> None:
        for extra, status in ((KEEPING, 0), ((), 1)):
            async with own_server(*extra) as server:
                doctor = ("doctor", "--json", "--redis", server.url)
                assert await anyio.to_thread.run_sync(lambda: here(*doctor)) == status  # noqa: B023
                found = json.loads(capsys.readouterr().out)
                assert set(found) == {"namespace", "healthy", "findings"}
                assert found["healthy"] is (status == 0)
                about = {one["about"]: one["verdict"] for one in found["findings"]}
                assert about["server"] == "ok"
                assert about["persistence"] == ("act" if status else "ok")

    anyio.run(examine)


def test_where_info_and_config_are_refused_the_rest_is_looked_at(
    here, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what it could not ask, and that is no reason to fail."""

    async def examine() -> None:
        async with own_server() as server:
            connection = Connection(server.url, name="test")
            rights = ("on", ">secret", "~ld1:*", "+@all", "-info", "-config", "-script")
            await connection.call("ACL", "SETUSER", "careful", *rights)
            await connection.close()
            url = server.url.replace("unix://", "unix://careful:secret@")
            assert await anyio.to_thread.run_sync(lambda: here("doctor", "--redis", url)) == 0

    anyio.run(examine)
    out = capsys.readouterr().out
    assert "refused: CONFIG, INFO, SCRIPT" in out
    assert "secret" not in out
    for line in out.splitlines():
        if line.split(":")[0].split()[-1:] in (["persistence"], ["eviction"], ["scripts"]):
            assert line.startswith("unknown")
    assert "advice   limiters:" in out
    assert "ok       server:" in out
    assert "ok       orphans:" in out
