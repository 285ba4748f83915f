"""The server's address as it was given, or as the environment or a file that it names has it."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, cast

from lionherd_dist.address import Address, Login, Tls
from lionherd_dist.arguments import shown
from lionherd_dist.url import parse

Where: TypeAlias = str | Address  # a URL, or what one stands for

URL_VARIABLE = "LIONHERD_REDIS_URL"
USERNAME_VARIABLE = "LIONHERD_REDIS_USERNAME"
PASSWORD_VARIABLE = "LIONHERD_REDIS_PASSWORD"  # noqa: S105 (a name)
PLAINTEXT_VARIABLE = "LIONHERD_REDIS_ALLOW_PLAINTEXT"
FILE_SUFFIX = "_FILE"  # of the variable that names a file with the value


def names_server(environment: Mapping[str, str] = os.environ) -> bool:
    """True if the environment names a server."""
    return any(environment.get(name) for name in (URL_VARIABLE, URL_VARIABLE + FILE_SUFFIX))


def redis_address(
    given: Where | None = None, environment: Mapping[str, str] = os.environ
) -> Address:
    """The server's address: the one *given*, else the one that the environment names.

    A URL without a password gets that of the environment, and its user. An Address is complete.

    Raises:
        ValueError: none is named, or it is no URL, or a file cannot be read, or the login would
            cross a network unencrypted.
    """
    if isinstance(given, Address):
        return given
    if given is not None and not isinstance(cast("object", given), str):
        raise TypeError(f"redis is {shown(given)}: give a URL such as redis://localhost:6379/0")
    url = given or _value(environment, URL_VARIABLE)
    if not url:
        raise ValueError(
            f"no server named: give a URL such as redis://localhost:6379/0, or set {URL_VARIABLE} "
            f"or {URL_VARIABLE}{FILE_SUFFIX}; LocalCluster starts a private server of its own"
        )
    address = parse(url)
    if not address.login.password:
        user = address.login.user or environment.get(USERNAME_VARIABLE, "")
        address = replace(address, login=Login(user, _value(environment, PASSWORD_VARIABLE)))
    if environment.get(PLAINTEXT_VARIABLE, "") not in {"", "0"}:
        address = replace(address, exposable=True)
    _check_files(address)
    for node in address.nodes:
        if address.exposes_login(node):
            raise ValueError(address.exposure(node))
    return address


def _check_files(address: Address) -> None:
    """Now rather than at each try to connect, which would look as if the server did not answer."""
    tls = address.tls or Tls()
    for file in filter(None, (tls.ca_file, tls.certificate_file, tls.key_file)):
        if not os.access(file, os.R_OK):
            raise ValueError(f"the URL names the file {file!r}, which cannot be read")


def _value(environment: Mapping[str, str], name: str) -> str:
    """The value of the variable *name*, or of the file that its ``_FILE`` twin names; or ""."""
    value, file = environment.get(name, ""), environment.get(name + FILE_SUFFIX, "")
    if value and file:
        raise ValueError(f"{name} and {name}{FILE_SUFFIX} are both set: unset one of them")
    if not file:
        return value
    try:
        value = Path(file).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(
            f"{name}{FILE_SUFFIX} is {file!r}, which cannot be read: {reason}"
        ) from None
    if not value:
        raise ValueError(f"{name}{FILE_SUFFIX} is {file!r}, which is empty")
    return value
