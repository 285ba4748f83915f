"""URLs of servers, and the addresses that they stand for. Pure.

    redis://[user:password@]host[:6379][/database]                one server
    rediss://…                                                    the same over TLS
    unix://[user:password@]/path/of/the/socket[?db=database]      the same on this machine
    redis+sentinel://[user:password@]host[:26379],host,…/master[/database]
    redis+cluster://[user:password@]host[:6379],host,…
    rediss+sentinel://…  rediss+cluster://…                       both over TLS

Options, in the query: ``db``; ``allow_plaintext=1``; ``ssl_ca_certs``, ``ssl_certfile`` and
``ssl_keyfile``, which are paths; ``socket_timeout``, seconds. Whatever stands in a part of a URL as
more than punctuation is percent-encoded.

No message shows a piece of the URL: where one is mistyped, any piece may be of the password.
"""

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode

from lionherd_dist.address import SENTINEL_PORT, SERVER_PORT, Address, Kind, Login, Node, Tls

_KINDS: dict[str, Kind] = {
    "redis": "server",
    "rediss": "server",
    "unix": "socket",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PARTS = re.compile(r"([^/?#]*)([^?#]*)(?:\?([^#]*))?(.*)", re.DOTALL)
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::(\d{1,5}))?")
_TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OPTIONS = ("db", "allow_plaintext", "socket_timeout", *_TLS_OPTIONS)
_YES = {"1", "true", "yes"}
_NO = {"0", "false", "no", ""}


def address_of(where: "str | Address") -> Address:
    """*where* itself, or what the URL *where* stands for.

    Raises:
        ValueError: it is no such URL.
    """
    return where if isinstance(where, Address) else parse(where)


def parse(url: str) -> Address:
    """The address that *url* stands for.

    Raises:
        ValueError: it is none; the message shows nothing of it but the scheme.
    """
    scheme = _SCHEME.match(url)
    kind = _KINDS.get(scheme[1].lower()) if scheme else None
    if scheme is None or kind is None:
        what = f"{scheme[1]!r} is no scheme for a server" if scheme else "the URL has no scheme"
        raise ValueError(
            f"{what}: use redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
        )
    parts = _PARTS.fullmatch(url, scheme.end())
    authority, path, query, rest = (part or "" for part in (parts.groups() if parts else ()))
    if rest or "@" in path + query:
        raise ValueError(
            f"the {scheme[1]} URL has a character out of place: in a user, a password or a path "
            "write / as %2F, ? as %3F, # as %23 and @ as %40"
        )
    login, _, places = authority.rpartition("@")
    user, _, password = login.partition(":")
    options = _options(query)
    socket, master, database = _path(kind, path)
    return Address(
        kind,
        nodes=_nodes(kind, places),
        path=socket,
        master=master,
        database=_number(kind, options.get("db") or database),
        login=Login(unquote(user), unquote(password)),
        tls=_tls(options, wanted=scheme[1].lower().startswith("rediss")),
        exposable=_flag(options, "allow_plaintext"),
        answer_s=_seconds(options),
    )


def in_full(address: Address) -> str:
    """The URL of *address* with its login: for a child's environment, never for people."""
    user, password = (quote(word, safe="") for word in (address.login.user, address.login.password))
    login = f"{user}:{password}@" if address.login else ""
    tls = address.tls or Tls()
    options = {
        "db": address.database or "",
        "allow_plaintext": "1" if address.exposable else "",
        "socket_timeout": "" if address.answer_s is None else address.answer_s,
        **dict(
            zip(_TLS_OPTIONS, (tls.ca_file, tls.certificate_file, tls.key_file), strict=True),
        ),
    }
    query = urlencode({name: value for name, value in options.items() if value})
    places = ",".join(map(str, address.nodes))
    path = quote(address.path) or (f"/{quote(address.master, safe='')}" if address.master else "")
    return f"{address.scheme}://{login}{places}{path}" + (f"?{query}" if query else "")


def _nodes(kind: Kind, places: str) -> tuple[Node, ...]:
    if kind == "socket":
        if places:
            raise ValueError("a unix URL has an empty host: unix:///path/of/the/socket")
        return ()
    port = SENTINEL_PORT if kind == "sentinel" else SERVER_PORT
    nodes = tuple(_node(place, port) for place in places.split(","))
    if kind == "server" and len(nodes) > 1:
        raise ValueError(
            "several hosts are either sentinels, redis+sentinel://host,host/master, or nodes of a "
            "cluster, redis+cluster://host,host"
        )
    return nodes


def _node(place: str, port: int) -> Node:
    found = _PLACE.fullmatch(place)
    if found is None or not 0 < int(found[2] or port) < 65_536:
        raise ValueError("a host of the URL is not of the form host:port, with a port up to 65535")
    return Node(unquote(found[1]).strip("[]") or "localhost", int(found[2] or port))


def _path(kind: Kind, path: str) -> tuple[str, str, str]:
    """The socket, the master and the database that *path* names, as far as the kind has them."""
    if kind == "socket":
        if path in {"", "/"}:
            raise ValueError("a unix URL names a socket: unix:///path/of/the/socket")
        return unquote(path), "", ""
    words = path.removeprefix("/").split("/")
    master = ""
    if kind == "sentinel":
        master = unquote(words.pop(0))
        if not master:
            raise ValueError("a sentinel URL names a master: redis+sentinel://host,host/master")
    if len(words) > 1 and words != ["", ""]:
        raise ValueError("the path of the URL has a part too many: it ends with the database")
    return "", master, "".join(words)


def _number(kind: Kind, database: str) -> int:
    if not re.fullmatch(r"[0-9]{0,9}", database):
        raise ValueError("the database of the URL is not a number: redis://host:6379/0")
    if kind == "cluster" and int(database or 0):
        raise ValueError("a cluster has database 0 only; separate by namespace instead")
    return int(database or 0)


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if options.keys() - set(_OPTIONS):
        raise ValueError(f"the URL has an unknown option; there are {', '.join(_OPTIONS)}")
    return options


def _tls(options: dict[str, str], *, wanted: bool) -> Tls | None:
    files = [options.get(name, "") for name in _TLS_OPTIONS]
    if any(files) and not wanted:
        raise ValueError("the URL has options for TLS, which rediss:// and its kin use")
    return Tls(*files) if wanted else None


def _flag(options: dict[str, str], name: str) -> bool:
    value = options.get(name, "").lower()
    if value not in _YES | _NO:
        raise ValueError(f"the option {name} of the URL is 1 or 0")
    return value in _YES


def _seconds(options: dict[str, str]) -> float | None:
    text = options.get("socket_timeout", "")
    if not re.fullmatch(r"[0-9]{0,6}(\.[0-9]{0,6})?", text):
        raise ValueError("the option socket_timeout of the URL is a number of seconds")
    return float(text) if text else None
