"""``doctor``: from facts to findings, and before real servers."""

import json
from dataclasses import replace

import anyio
import pytest
from own_server import KEEPING, own_server

from lionherd_dist.cli.server_diagnosis import (
    clock_finding,
    denied_findings,
    memory_findings,
    persistence_finding,
    role_findings,
    version_finding,
)
from lionherd_dist.cli.space_diagnosis import space_findings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.job_rows import JobRow
from lionherd_dist.store.reading import Overview, SessionRow
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
        ({}, "unknown"),
    ],
    ids=str,
)
def test_a_server_that_may_drop_keys_is_told(info: dict[str, str], verdicts: str) -> None:
    """And one that is nearly full."""
    assert " ".join(one.verdict for one in memory_findings(info)) == verdicts


def test_replicas_clocks_and_rights_are_told() -> None:
    """Each only where there is something to say."""
    assert role_findings({"role": "master"}) == []
    (replica,) = role_findings({"role": "slave", "master_host": "h", "master_port": "1"})
    assert (replica.verdict, "h:1" in replica.remedy) == ("act", True)
    assert [clock_finding(ms).verdict for ms in (0, -5_000, 5_000)] == ["ok", "advice", "advice"]
    assert denied_findings(()) == []
    assert "INFO" in denied_findings(("INFO",))[0].text


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
    assert "ok       server:" in out
    assert "ok       orphans:" in out
