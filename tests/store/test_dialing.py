"""How connections are opened: nobody is shown a login on the way, and nothing is unverified."""

import pytest

from lionherd_dist.address import Node
from lionherd_dist.errors import StoreRefusedError
from lionherd_dist.store.dialing import async_link, blocking_link
from lionherd_dist.url import parse

CANARY = "canary-3141"
AWAY = Node("10.0.0.1", 6379)


@pytest.mark.parametrize("link", [async_link, blocking_link])
@pytest.mark.parametrize("kind", ["sentinel", "cluster"])
def test_a_login_is_not_sent_to_whatever_host_somebody_names(link, kind: str) -> None:
    """Sentinels on this machine may name a master elsewhere, and anybody may pose as a sentinel."""
    address = parse(f"redis+{kind}://:{CANARY}@localhost" + "/lion" * (kind == "sentinel"))
    with pytest.raises(StoreRefusedError, match="unencrypted") as info:
        link(address, AWAY, "test")
    assert CANARY not in str(info.value)
    allowed = parse(f"{address}?allow_plaintext=1")
    assert link(allowed, AWAY, "test").host == "10.0.0.1"


@pytest.mark.parametrize("link", [async_link, blocking_link])
def test_a_link_shows_no_password(link) -> None:
    """Nor does what redis-py makes of it."""
    assert CANARY not in repr(link(parse(f"rediss://:{CANARY}@h"), AWAY, "test"))
