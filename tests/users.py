"""The users of ``compose/users.acl``, on a server of a test's own; each password is its name."""

from pathlib import Path

import redis

ACL = Path(__file__).parent.parent / "compose" / "users.acl"


def rules() -> dict[str, list[str]]:
    """The rules of each user, by name."""
    lines = ACL.read_text().splitlines()
    return {name: rest for _, name, *rest in map(str.split, lines)}


def allowed(user: str) -> set[str]:
    """The commands of *user*."""
    return {rule[1:] for rule in rules()[user] if rule.startswith("+")}


def add_users(url: str) -> None:
    """Make the users known to the server at *url*, but for ``default``: that is the test's own."""
    with redis.Redis.from_url(url) as server:
        for user, words in rules().items():
            if user != "default":
                given = [f">{user}" if word == "#SECRET" else word for word in words]
                server.execute_command("ACL", "SETUSER", user, *given)


def url_for(user: str, url: str) -> str:
    """The URL *url* of a socket, for *user*."""
    return url.replace("unix://", f"unix://{user}:{user}@")


def refusals(url: str) -> set[tuple[str, str]]:
    """What was refused so far: the user, and the command or key that it may not use."""
    with redis.Redis.from_url(url) as server:
        return {(one["username"], one["object"]) for one in server.acl_log()}
