"""Gives servers the package's scripts, which they forget when they end, and do not replicate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from lionherd_dist.address import Address
from lionherd_dist.store.connection import Command, Connection
from lionherd_dist.store.finding import owners
from lionherd_dist.store.scripts import Script

_CLUSTER_ASKED_FOR = "default"  # any namespace: each is on a node that knows the others
_NAME = "lionherd-scripts"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one server knows now.

    Args:
        address: of the server.
        scripts: how many scripts it knows of those that it was to know.
        new: how many of these it did not know before.
    """

    address: str
    scripts: int
    new: int


async def load_scripts(address: Address, scripts: Sequence[Script]) -> list[Loaded]:
    """Load *scripts* on the server at *address*, or on every master of the cluster there.

    Each server is found anew, so that whoever does this again finds a new master.

    Raises:
        StoreUnavailableError, StoreRefusedError: one of them took none; those before it did.
    """
    return [await _load(one, scripts) for one in await _servers(address)]


async def _servers(address: Address) -> list[Address]:
    if address.kind != "cluster":
        return [address]
    connection = Connection(address, name=_NAME, namespace=_CLUSTER_ASKED_FOR)
    try:
        slots = await connection.call("CLUSTER", "SLOTS")
    finally:
        await connection.close()
    return [
        replace(address, kind="server", nodes=(node,)) for node in owners(slots, address.nodes[0])
    ]


async def _load(address: Address, scripts: Sequence[Script]) -> Loaded:
    connection = Connection(address, name=_NAME)
    try:
        known = await connection.call("SCRIPT", "EXISTS", *(script.sha for script in scripts))
        missing = [
            script
            for script, is_known in zip(scripts, cast("list[int]", known), strict=True)
            if not is_known
        ]
        loads: list[Command] = [("SCRIPT", "LOAD", script.text) for script in missing]
        if loads:
            await connection.pipeline(loads)
    finally:
        await connection.close()
    return Loaded(str(address), len(scripts), len(missing))
