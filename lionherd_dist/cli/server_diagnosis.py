"""What is to be thought of a server: facts in, findings out. Pure."""

import re
from collections.abc import Mapping

from lionherd_dist.cli.finding import Finding, Verdict
from lionherd_dist.cli.users_diagnosis import users_findings
from lionherd_dist.store.server_facts import ServerFacts

OLDEST_REDIS = (7, 0)
OLDEST_VALKEY = (7, 2)
FULL_SHARE = 0.9  # of maxmemory
FAR_AHEAD_MS = 2_000


def server_findings(facts: ServerFacts) -> list[Finding]:
    """All that there is to say of a server."""
    return [
        version_finding(facts.info, facts.greeting),
        *role_findings(facts.info),
        persistence_finding(facts.info, facts.settings),
        *memory_findings(facts.info),
        *users_findings(facts.users, facts.info, facts.settings),
        *limiters_findings(facts.denied),
        clock_finding(facts.ahead_ms),
        scripts_finding(facts.scripts_known, facts.scripts),
        *denied_findings(facts.denied),
    ]


def version_finding(info: Mapping[str, str], greeting: Mapping[str, str]) -> Finding:
    """Whether it is a server that this package knows, and new enough."""
    kind = info.get("server_name") or greeting.get("server") or "redis"
    known = info.get("redis_version") or greeting.get("version")
    version = info.get(f"{kind}_version") or known
    if not version:
        return _unknown("server", "neither INFO nor HELLO may be asked for its version")
    for stranger in ("dragonfly", "keydb", "garnet"):
        if f"{stranger}_version" in info or kind == stranger:
            remedy = "use Redis 7.0 or Valkey 7.2, or newer: others were never tried"
            return Finding("act", "server", f"{stranger}, said to be {version}", remedy)
    oldest = OLDEST_VALKEY if kind == "valkey" else OLDEST_REDIS
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < oldest:
        needed = ".".join(map(str, oldest))
        remedy = f"update it: {needed} is the oldest with all that is needed"
        return Finding("act", "server", f"{kind} {version}", remedy)
    return Finding("ok", "server", f"{kind} {version}")


def role_findings(info: Mapping[str, str]) -> list[Finding]:
    """A replica takes no writes."""
    if info.get("role") != "slave":
        return []
    master = f"{info.get('master_host', '?')}:{info.get('master_port', '?')}"
    remedy = f"connect to its master, {master}: nothing can be written here"
    return [Finding("act", "role", "a replica", remedy)]


def persistence_finding(info: Mapping[str, str], settings: Mapping[str, str]) -> Finding:
    """What a restart of the server would cost."""
    about = "persistence"
    if "aof_enabled" not in info:
        return _unknown(about, "INFO may not be asked")
    failed = [
        name
        for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
        if info.get(name, "ok") != "ok"
    ]
    if failed:
        return Finding("act", about, f"{failed[0]} is {info[failed[0]]}", "see the server's log")
    if info["aof_enabled"] == "1":
        fsync = settings.get("appendfsync", "")
        if fsync == "no":
            remedy = "set appendfsync everysec: only the system decides when it reaches the disk"
            return Finding("advice", about, "AOF, appendfsync no", remedy)
        return Finding("ok", about, f"AOF, appendfsync {fsync}" if fsync else "AOF")
    remedy = (
        "set appendonly yes. Until then a restart loses what it held: clients get JobLostError, "
        "and submitted jobs are gone"
    )
    if settings.get("save"):
        return Finding("advice", about, f"snapshots only (save {settings['save']})", remedy)
    if "save" not in settings:
        return Finding("advice", about, "no AOF; CONFIG may not be asked about snapshots", remedy)
    return Finding("act", about, "none: neither AOF nor snapshots", remedy)


def memory_findings(info: Mapping[str, str]) -> list[Finding]:
    """Whether it may drop keys, and how near it is to refusing writes."""
    policy = info.get("maxmemory_policy")
    if policy is None:
        return [_unknown("eviction", "INFO may not be asked")]
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    remedy = "set maxmemory-policy noeviction: a key that is dropped is a job that is lost"
    count = info.get("evicted_keys", "0")
    if count.isdecimal() and int(count):
        text = f"{policy}; the server has evicted {int(count):,} keys since it was started"
        if policy == "noeviction":
            remedy = "it evicts no more: submit again the jobs that ended in JobLostError"
        verdict: Verdict = "advice" if policy == "noeviction" else "act"
        findings = [Finding(verdict, "eviction", text, remedy)]
    elif policy == "noeviction":
        findings = [Finding("ok", "eviction", policy)]
    elif limit:
        findings = [Finding("act", "eviction", f"{policy}, with maxmemory set", remedy)]
    else:
        findings = [Finding("advice", "eviction", f"{policy}, without maxmemory", remedy)]
    if not limit:
        remedy = "set maxmemory below what the machine has: else the system ends the server"
        text = f"{_mib(used)} used, no maxmemory"
        return [*findings, Finding("advice", "memory", text, remedy)]
    text = f"{_mib(used)} of {_mib(limit)} used"
    if used > FULL_SHARE * limit:
        remedy = "raise maxmemory, or submit less: BackpressureError is near. See `status`"
        return [*findings, Finding("act", "memory", text, remedy)]
    return [*findings, Finding("ok", "memory", text)]


def clock_finding(ahead_ms: int) -> Finding:
    """Nothing is decided by this machine's clock; people who compare logs are misled by it."""
    side = "ahead of" if ahead_ms >= 0 else "behind"
    text = f"{abs(ahead_ms) / 1000:.1f} s {side} this machine's"
    if abs(ahead_ms) > FAR_AHEAD_MS:
        remedy = "synchronize both: only the server's counts, but times in logs will not agree"
        return Finding("advice", "clock", text, remedy)
    return Finding("ok", "clock", text)


def scripts_finding(known: int | None, count: int) -> Finding:
    """Scripts that the server does not know are sent when first needed, by users who may."""
    if known is None:
        remedy = "if workers and clients may not SCRIPT LOAD, run `lionherd-dist scripts load`"
        return Finding("unknown", "scripts", "SCRIPT EXISTS may not be asked", remedy)
    text = f"{known} of {count} known"
    if known < count:
        text += "; others are sent when needed, or by `lionherd-dist scripts load`"
    return Finding("ok", "scripts", text)


def limiters_findings(denied: tuple[str, ...]) -> list[Finding]:
    """A new limiter asks how long the server has been up, and only INFO tells."""
    if "INFO" not in denied:
        return []
    text = "INFO is refused: after a loss of data they lend at once, maybe more than their total"
    remedy = "if clients and workers log in like this, give them +info; without limiters, ignore it"
    return [Finding("advice", "limiters", text, remedy)]


def denied_findings(denied: tuple[str, ...]) -> list[Finding]:
    """What could not be asked."""
    if not denied:
        return []
    remedy = "to know all, ask as a user with these rights; clients and workers can do without"
    return [Finding("unknown", "rights", f"refused: {', '.join(denied)}", remedy)]


def _unknown(about: str, text: str) -> Finding:
    return Finding("unknown", about, text, "look yourself, or ask as a user who may")


def _mib(count: int) -> str:
    return f"{count / 1024**2:,.0f} MiB"
