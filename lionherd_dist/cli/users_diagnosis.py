"""What is to be thought of a server's users: facts in, findings out. Pure.

Servers carry their append-only file out as the user ``default``. Many check its rights for what
stands there as a transaction, as all that scripts write does, and drop what that user may not do:
the server comes up, and what was in it is gone (redis/redis#14541, valkey-io/valkey#3983).
"""

import re
from collections.abc import Mapping

from lionherd_dist.cli.finding import Finding
from lionherd_dist.store.server_facts import Users

LAST_REDIS_THAT_DROPS = (8, 4)
FIRST_VALKEY_THAT_KEEPS = (9, 1, 2)  # the first that was seen to


def users_findings(
    users: Users | None, info: Mapping[str, str], settings: Mapping[str, str]
) -> list[Finding]:
    """What a restart would do to users, and because of them; nothing where they are not told."""
    if users is None:
        return []
    if info.get("aof_enabled") == "1" and not users.default_entitled and drops(info):
        text = "default has no rights: when the server restarts, it drops what scripts had written"
        remedy = (
            "ACL SETUSER default off resetpass allkeys allchannels +@all, and so in its ACL file: "
            "nobody can log in as it, and the append-only file is carried out as it"
        )
        return [Finding("act", "users", text, remedy)]
    if not users.others and users.default_on:
        return [Finding("ok", "users", "default alone")]
    if settings.get("aclfile") or "aclfile" not in settings:
        return [Finding("ok", "users", f"{users.others:,} beside default")]
    file = info.get("config_file")
    if file:
        text = f"{users.others:,} beside default, for good if they stand in {file}"
        return [Finding("ok", "users", text)]
    text = "kept in memory only: a restart forgets them and lets everybody in, as default"
    remedy = "give it an aclfile and ACL SAVE, unless its command line says them"
    return [Finding("advice", "users", text, remedy)]


def drops(info: Mapping[str, str]) -> bool:
    """Whether a server of this version drops from its append-only file what default may not do."""
    if "valkey_version" in info:
        return _numbers(info["valkey_version"]) < FIRST_VALKEY_THAT_KEEPS
    return _numbers(info.get("redis_version", ""))[:2] <= LAST_REDIS_THAT_DROPS


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
