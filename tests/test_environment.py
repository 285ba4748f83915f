"""Where the server is named: by the caller, by the environment, or in a file."""

from pathlib import Path

import pytest

from lionherd_dist.address import Address, Login
from lionherd_dist.environment import names_server, redis_address
from lionherd_dist.url import parse

CANARY = "canary-3141"


@pytest.mark.parametrize(
    ("given", "environment", "url"),
    [
        ("redis://a", {}, "redis://a"),
        ("redis://a", {"LIONHERD_REDIS_URL": "redis://b"}, "redis://a"),
        (None, {"LIONHERD_REDIS_URL": "redis://b"}, "redis://b"),
        ("redis://localhost", {"LIONHERD_REDIS_PASSWORD": "p"}, "redis://:p@localhost"),
        (
            "redis://localhost",
            {"LIONHERD_REDIS_PASSWORD": "p", "LIONHERD_REDIS_USERNAME": "u"},
            "redis://u:p@localhost",
        ),
        (
            "redis://v@localhost",
            {"LIONHERD_REDIS_PASSWORD": "p", "LIONHERD_REDIS_USERNAME": "u"},
            "redis://v:p@localhost",
        ),
        (
            "redis://:q@localhost",
            {"LIONHERD_REDIS_PASSWORD": "p", "LIONHERD_REDIS_USERNAME": "u"},
            "redis://:q@localhost",
        ),
        (
            "redis://:q@h",
            {"LIONHERD_REDIS_ALLOW_PLAINTEXT": "1"},
            "redis://:q@h?allow_plaintext=1",
        ),
    ],
)
def test_what_is_given_comes_first_and_the_environment_fills_in(
    given: str | None, environment: dict[str, str], url: str
) -> None:
    """A URL that has a password gets nothing; one without gets the user and the password."""
    assert redis_address(given, environment) == parse(url)


def test_url_and_password_come_from_files(tmp_path: Path) -> None:
    """As container systems hand out secrets; the line's end does not belong to them."""
    (tmp_path / "url").write_text("redis://localhost/1\n")
    (tmp_path / "password").write_text(f"{CANARY} \r\n")
    environment = {
        "LIONHERD_REDIS_URL_FILE": str(tmp_path / "url"),
        "LIONHERD_REDIS_PASSWORD_FILE": str(tmp_path / "password"),
    }
    assert names_server(environment)
    address = redis_address(None, environment)
    assert address.login == Login("", f"{CANARY} ")
    assert address.database == 1


def test_an_address_is_complete(tmp_path: Path) -> None:
    """A private server has no password, whatever the environment says of another one."""
    address = Address("socket", path="/run/s")
    assert redis_address(address, {"LIONHERD_REDIS_PASSWORD": CANARY}) is address


@pytest.mark.parametrize(
    ("given", "environment", "message"),
    [
        (None, {}, "no server named"),
        ("", {}, "no server named"),
        (None, {"LIONHERD_REDIS_URL": "redis://a", "LIONHERD_REDIS_URL_FILE": "x"}, "both set"),
        (None, {"LIONHERD_REDIS_URL_FILE": "/nowhere/x"}, "cannot be read: No such file"),
        (None, {"LIONHERD_REDIS_URL_FILE": "/dev/null"}, "is empty"),
        ("rediss://h?ssl_ca_certs=/nowhere/ca.pem", {}, "'/nowhere/ca.pem', which cannot be read"),
        (f"redis://:{CANARY}@h", {}, "unencrypted: use rediss://"),
        ("redis://h", {"LIONHERD_REDIS_PASSWORD": CANARY}, "unencrypted: use rediss://"),
        (f"redis+sentinel://:{CANARY}@h/m", {}, r"unencrypted: use rediss\+sentinel://"),
        (f"redis+cluster://:{CANARY}@localhost,h", {}, r"allow_plaintext=1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(
    given: str | None, environment: dict[str, str], message: str
) -> None:
    """At once, and without the login."""
    with pytest.raises(ValueError, match=message) as info:
        redis_address(given, environment)
    assert CANARY not in str(info.value)
