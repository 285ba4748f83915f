"""URLs of servers: what they mean, and that nothing of a login is shown, whatever is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionherd_dist.address import Address, Login, Node, Tls
from lionherd_dist.url import address_of, in_full, parse

CANARY = "canary-3141"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://", Address("server", (Node("localhost", 6379),))),
        ("redis://h", Address("server", (Node("h", 6379),))),
        ("REDIS://h:1/", Address("server", (Node("h", 1),))),
        ("redis://h:6380/3", Address("server", (Node("h", 6380),), database=3)),
        ("redis://[::1]:7/0", Address("server", (Node("::1", 7),))),
        ("redis://h?db=2", Address("server", (Node("h", 6379),), database=2)),
        ("redis://:p%40w@h", Address("server", (Node("h", 6379),), login=Login("", "p@w"))),
        ("redis://u:p:w@h", Address("server", (Node("h", 6379),), login=Login("u", "p:w"))),
        ("redis://u@h", Address("server", (Node("h", 6379),), login=Login("u"))),
        ("rediss://h", Address("server", (Node("h", 6379),), tls=Tls())),
        (
            "rediss://h?ssl_ca_certs=/ca.pem&ssl_certfile=c&ssl_keyfile=k",
            Address("server", (Node("h", 6379),), tls=Tls("/ca.pem", "c", "k")),
        ),
        ("unix:///run/s?db=1", Address("socket", path="/run/s", database=1)),
        ("unix://u:p@/a%20b/s", Address("socket", path="/a b/s", login=Login("u", "p"))),
        (
            "redis+sentinel://u:p@a,b:2,[::1]:3/lion/4",
            Address(
                "sentinel",
                (Node("a", 26379), Node("b", 2), Node("::1", 3)),
                master="lion",
                database=4,
                login=Login("u", "p"),
            ),
        ),
        ("rediss+sentinel://a/m", Address("sentinel", (Node("a", 26379),), master="m", tls=Tls())),
        ("redis+cluster://a:1,b", Address("cluster", (Node("a", 1), Node("b", 6379)))),
        ("rediss+cluster://a/0", Address("cluster", (Node("a", 6379),), tls=Tls())),
        (
            "redis://h?allow_plaintext=1&socket_timeout=0.5",
            Address("server", (Node("h", 6379),), exposable=True, answer_s=0.5),
        ),
    ],
)
def test_a_url_means_its_address_and_back(url: str, address: Address) -> None:
    """Each form of each kind; written out in full it means the same."""
    assert parse(url) == address
    assert parse(in_full(address)) == address
    assert address_of(url) == address_of(address) == address


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://h", "'http' is no scheme"),
        ("localhost:6379", "no scheme"),
        (f":{CANARY}@h", "no scheme"),
        (f"redis://u:{CANARY}/x@h", "%2F"),
        (f"redis://u:{CANARY}?x@h", "%2F"),
        (f"redis://u:{CANARY}#x@h", "%23"),
        (f"redis://u:{CANARY}@h#x", "%23"),
        (f"redis://u:{CANARY}", "host:port"),
        (f"redis://u:x@h:{CANARY}", "host:port"),
        ("redis://h:0", "host:port"),
        ("redis://h:70000", "host:port"),
        ("redis://a,b", "several hosts are either sentinels"),
        (f"redis://h/{CANARY}", "not a number"),
        ("redis://h/0/1", "a part too many"),
        ("unix://relative/s", "unix:///path"),
        ("unix://", "unix:///path"),
        ("redis+sentinel://a,b", "names a master"),
        ("redis+sentinel://a,b/m/0/1", "a part too many"),
        ("redis+cluster://a/1", "database 0 only"),
        (f"redis://h?password={CANARY}", "unknown option"),
        (f"redis://h?{CANARY}=1", "unknown option"),
        (f"redis://h?db={CANARY}", "not a number"),
        (f"redis://h?allow_plaintext={CANARY}", "1 or 0"),
        (f"redis://h?socket_timeout={CANARY}", "seconds"),
        ("redis://h?ssl_ca_certs=x", "rediss://"),
        ("rediss://h?ssl_cert_reqs=none", "unknown option"),
        ("rediss://h?ssl_check_hostname=false", "unknown option"),
    ],
)
def test_a_mistyped_url_is_told_without_a_piece_of_it(url: str, message: str) -> None:
    """Any piece may be of the password; the message says what to do."""
    with pytest.raises(ValueError, match=message) as info:
        parse(url)
    assert CANARY not in repr(info.value)
    assert info.value.__context__ is None


@given(st.text(max_size=40), st.text(max_size=10), st.sampled_from(["redis", "unix", "nope"]))
def test_whatever_is_given_ends_in_an_address_or_a_value_error(
    rest: str, login: str, scheme: str
) -> None:
    """And nothing but the scheme comes back in the message."""
    try:
        told = repr(parse(f"{scheme}://{CANARY}{login}:{CANARY}@{rest}"))
    except ValueError as error:
        told = str(error)
    assert CANARY not in told


@given(
    st.builds(Login, st.text(max_size=9), st.text(max_size=9)),
    st.sampled_from(["server", "sentinel", "cluster", "socket"]),
    st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=9),
    st.booleans(),
)
def test_any_login_and_name_survive_being_written_out(
    login: Login, kind: str, name: str, guarded: bool
) -> None:
    """The child of a process gets the address by its URL."""
    address = Address(
        kind,
        nodes=() if kind == "socket" else (Node("h", 1), Node("i", 2))[: 1 + (kind != "server")],
        path=f"/{name}" if kind == "socket" else "",
        master=name if kind == "sentinel" else "",
        login=login,
        tls=Tls(ca_file=name) if guarded and kind != "socket" else None,
    )
    assert parse(in_full(address)) == address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://u:{CANARY}@h:1/2", "redis://h:1/2"),
        (f"rediss://{CANARY}@[::1]:1", "rediss://[::1]:1"),
        (f"unix://:{CANARY}@/run/s", "unix:///run/s"),
        (f"redis+sentinel://:{CANARY}@a,b:2/m/1", "redis+sentinel://a:26379,b:2/m/1"),
        (f"redis+cluster://:{CANARY}@a,b", "redis+cluster://a:6379,b:6379"),
    ],
)
def test_an_address_shows_where_and_not_as_whom(url: str, shown: str) -> None:
    """In text and in repr; a user without a password may be a password."""
    address = parse(url)
    assert str(address) == shown
    assert repr(address) == f"<Address {shown}>"
    assert CANARY not in repr(address.login)


@pytest.mark.parametrize(
    ("host", "url", "exposed"),
    [
        ("h", "redis://:p@h", True),
        ("h", "redis://u@h", True),
        ("h", "redis://h", False),
        ("h", "rediss://:p@h", False),
        ("h", "redis://:p@h?allow_plaintext=1", False),
        ("localhost", "redis://:p@localhost", False),
        ("127.3.2.1", "redis://:p@127.3.2.1", False),
        ("::1", "redis://:p@[::1]", False),
        ("localhost.example.org", "redis://:p@localhost.example.org", True),
        ("10.0.0.1", "redis+sentinel://:p@localhost/m", True),  # who sends us there may be anybody
    ],
)
def test_a_login_is_exposed_by_plain_tcp_to_another_host(
    host: str, url: str, exposed: bool
) -> None:
    """Not by TLS, not on this machine, and not where that was allowed."""
    assert parse(url).exposes_login(Node(host, 1)) is exposed
