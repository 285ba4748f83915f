"""Namespaces in odd states, and every script run on them: none may run on, none may take long.

``python -m store.fuzzer --seed 7 --states 4000`` from the folder of the tests, for more of them.

A state is a namespace in the middle of its work, to which a few things were done that anybody can
do who may write to the server: a key deleted, or of another type, a member or a field that is none,
a number that cannot be counted on. Scripts are run with the arguments of this package, and with
arguments that are none.
"""

import argparse
import random
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import cast

import anyio
from store_bench import Bench, chunk, wish

from lionherd_dist.embedded.server import private_server
from lionherd_dist.errors import StoreRefusedError, StoreUnavailableError
from lionherd_dist.store.calls import Again, Back, Dead, Done, Settled
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.jobs import Tokens, check_jobs
from lionherd_dist.store.kept import advance, attach
from lionherd_dist.store.keys import PART_TYPES, SHARED_TYPES, Keys
from lionherd_dist.store.letters import revive
from lionherd_dist.store.limits import resize, tend
from lionherd_dist.store.mending import new_group
from lionherd_dist.store.scripts import ALL, SET_ASIDE, Script
from lionherd_dist.store.sessions import quit_, reap

LONGEST_US = 100_000  # of server time, for one script
HANG_S = 20.0
ODD = ", with odd arguments"
MOST_TRIES = 3  # a machine that is busy may be slow once
VALUES: tuple[str | int, ...] = (
    *(0, 1, -1, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**64, 10**21, -(10**15), "9" * 400),
    *("", "x", "1.5", "nan", "inf", "-inf", "1e300", "0x10", " 1", "1-1", "0-0", "parked"),
    *("C", "W", "C-1", "C-2", "C-9", "C/1", "W/abc", "/1", "a/b/c", "C-1/0", "C-1 0", "C-1 x"),
    *("api", "api:queue", "done", "again", "next", "last", "dead", "back", "1 0", "3 0 api"),
    *("\x00\xff", "*", "~", "x" * 70, "C-1 0 1 0 0", "C-1 9007199254740992 1 0 0", f"{10**30}-1"),
)
ENTRIES = (*VALUES[:12], "", "-", "1-1", f"{10**30}-1", "1-99999999999999999999", "parked", "x")
HEADERS = (
    *("C-1 0 1 0 0", "C-1 9007199254740992 1 0 0", "C-1 x 1 0 0", "C-1 -1 1 0 0", "C-3 0 1 0 0"),
    *("", "C-9 0 1 0 0", f"C-1 0 {'9' * 400} 0 0", f"C-2 {10**20} 1 0 0", "C-4 1 1 0 1e9"),
)
OWNERS = ("", "/", "/1", "a/b/c", "x", "W/x", "W/99", "C/1", "C/2", "C-9", "C-2", "C-2/1", "gone/1")
PARKED = ("1 0 0 p", "x", "1 0", "", f"{'9' * 400} 0 0 p", f"{2**53} {2**64} 0 p")
LIKELY: dict[str, tuple[str | int, ...]] = {  # what is nearly right for a key of that last part
    "hand": ENTRIES,
    "solo": ("1 1-1", "x", "", f"{2**64} 1-1"),
    "queue": OWNERS,
    "held": OWNERS,
    "seen": (*VALUES[:12], "x", ""),
    "parked": PARKED,
    "due": ("C-1 0", "C-1 x", "x", "", "C-9 0", "C-1 3", f"C-1 {2**64}"),
    "slots": VALUES[:14],
    "sessions": OWNERS,
}
FIELDS = (
    *("owner", "limit", "cap", "next", "released", "consumed", "done", "total", "deadline", "keep"),
    *("cancelled", "largest", "streak", "tokens", "quarantine", "limiter", "read", "reader"),
    *("failed", "ticket", "fence", "shut", "fixed", "0", "1", "7", "*", "C", "W", "C-1", "C-1 0"),
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A script that was too slow, or that this package would hold for a refusal."""

    state: str
    script: str
    text: str


class HangError(Exception):
    """A script runs on, and with it the server."""


class Fuzzer:
    """One state after the other, all that is chosen from one seed."""

    def __init__(self, connection: Connection, seed: int) -> None:
        self._connection, self._seed = connection, seed

    async def state(self, number: int) -> list[Complaint]:
        """What is wrong with state *number*, each time that it is tried."""
        await self._connection.call("CONFIG", "SET", "slowlog-log-slower-than", LONGEST_US)
        complaints: list[Complaint] = []
        for _ in range(MOST_TRIES):
            complaints = await self._state(number)
            if not complaints:
                break
        return complaints

    async def _state(self, number: int) -> list[Complaint]:
        await self._connection.call("FLUSHALL")
        await self._connection.call("SLOWLOG", "RESET")
        state = State(self._connection, random.Random(f"{self._seed} {number}"))
        await state.begin()
        damage = [await state.damage() for _ in range(state.dice.randint(1, 9))]
        name = f"seed {self._seed}, state {number}: {'; '.join(damage)}"
        found: list[Complaint] = []
        for what, act in state.acts():
            try:
                with anyio.fail_after(HANG_S):
                    await act()
            except (TimeoutError, StoreUnavailableError) as error:
                if isinstance(error, TimeoutError) or re.search("BUSY|does not answer", str(error)):
                    raise HangError(f"{name}\n  {what}: {error}") from error
                if not what.endswith(ODD) and not re.search("WRONGTYPE|NOGROUP", str(error)):
                    found.append(Complaint(name, what, str(error)))
                with suppress(StoreUnavailableError):
                    await state.mend()
            except Exception as error:
                found.append(Complaint(name, what, repr(error)))
        slow = cast("list[list[object]]", await self._connection.call("SLOWLOG", "GET", 10))
        found += [Complaint(name, str(one[3])[:200], f"it took {one[2]} us") for one in slow]
        return found


class State:
    """One namespace, and what is done to it."""

    def __init__(self, connection: Connection, dice: random.Random) -> None:
        self.dice = dice
        self._connection, self._keys = connection, Keys("fuzz")
        self._bench = Bench(connection, self._keys)

    async def begin(self) -> None:
        """A namespace in the middle of its work."""
        bench, api = self._bench, Tokens("api", 3, 0)
        await bench.hello("C")
        await bench.hello("W", slots=4)
        await bench.hello("Y", slots=2)
        await bench.submit(
            "C",
            chunk(count=9),
            replace(chunk(count=6, number=2), limiter=api),
            chunk(count=9, number=3, limit=1),
            chunk(count=5, total=5, number=4, keep_ms=60_000),
        )
        await bench.lend("C", wish(count=3))
        await bench.lend("W", wish(count=2))
        taken = await bench.take("W", 9)
        await bench.finish("W", taken[:2])
        await bench.hand("W").finish(self._connection, [Again(one, 2, 0) for one in taken[2:4]])
        await bench.take("Y", 2)
        await self._connection.call("ZADD", self._keys.sessions, "XX", 1, "Y")  # it has expired
        await attach(self._connection, self._keys, "C/1", "C-4")

    async def mend(self) -> None:
        """What a connection does by itself that knows the namespace."""
        with suppress(StoreUnavailableError, StoreRefusedError):  # it is there
            await self._connection.call(*new_group(self._keys))
        for name, kind in self._all_keys().items():
            await self._connection.run(SET_ASIDE, (self._keys.prefix + name,), (kind,))

    async def damage(self) -> str:
        """Do one thing that anybody could do; what it was."""
        name, kind = self._a_key()
        key, likely = self._keys.prefix + name, LIKELY.get(name.rpartition(":")[2], VALUES)
        value = self.dice.choice(likely if self.dice.random() < 0.7 else VALUES)
        match self.dice.randrange(8):
            case 0:
                await self._connection.call("DEL", key)
                return f"{name} deleted"
            case 1:
                other = self.dice.choice(["string", "hash", "zset", "list", "stream", "set"])
                await self._connection.call("DEL", key)
                await self._write(key, other, value)
                return f"{name} is a {other}"
        await self._write(key, kind, value)
        return f"{name}: {value!r:.60}"

    def _all_keys(self) -> dict[str, str]:
        kinds = dict(SHARED_TYPES)
        owners = {"job": ("C-1", "C-2", "C-3", "C-4"), "limit": ("api",)}
        for kind, parts in PART_TYPES.items():
            for owner in owners.get(kind, ("C", "W", "Y", "")):
                for part, its in parts.items():
                    kinds[f"{kind}:{owner}{part and ':'}{part}"] = its
        return kinds

    def _a_key(self) -> tuple[str, str]:
        kinds = self._all_keys()
        is_shared = self.dice.random() < 0.4
        name = self.dice.choice(sorted(name for name in kinds if (":" not in name) == is_shared))
        return name, kinds[name]

    def _a_value(self) -> str | int:
        return self.dice.choice(VALUES)

    async def _write(self, key: str, kind: str, value: str | int) -> None:
        dice, call = self.dice, self._connection.call
        with suppress(StoreUnavailableError):  # what was damaged before may be of another type
            match kind:
                case "hash":
                    fields = cast("list[bytes]", await call("HKEYS", key)) or FIELDS
                    await call("HSET", key, dice.choice([*fields, dice.choice(FIELDS)]), value)
                case "zset":
                    score = dice.choice(["0", "1", "inf", "-inf", "1e300", "-1", "99999999999999"])
                    members = cast("list[bytes]", await call("ZRANGE", key, 0, -1))
                    await call("ZADD", key, score, dice.choice([value, value, *members]))
                case "set":
                    await call("SADD", key, value)
                case "list":
                    await call("LPUSH", key, value)
                case "stream":
                    fields = [
                        *dice.choice([("c", dice.choice(HEADERS)), ("j", "C-1"), ("l", "api")]),
                        *(self._a_value() for _ in range(2 * dice.randrange(4))),
                    ]
                    await call("XADD", key, "*", *fields)
                    taker = dice.choice(["gone", "Y", "W"])
                    if key == self._keys.calls:
                        taken = ("XREADGROUP", "GROUP", "workers", taker, "COUNT", 9, "STREAMS")
                        await call(*taken, key, ">")
                case _:
                    await call("SET", key, value)

    def acts(self):
        """Every script with arguments of ours, in any order, then some with any arguments."""
        connection, keys, bench = self._connection, self._keys, self._bench

        async def finish() -> None:
            names = ("GROUP", "workers", "W", "COUNT", 9, "STREAMS", keys.calls, ">")
            await connection.call("XREADGROUP", *names)
            taken = await bench.hand("W").retake(connection, 9, b"0-0")
            settled: list[Settled] = [
                self.dice.choice([Done(one, b"ok"), Back(one), Again(one, 2, 0), Dead(one, b"no")])
                for one in taken
            ]
            await bench.hand("W").finish(connection, settled)

        async def submit() -> None:
            await bench.submit("C", chunk(9, 3), chunk(count=2, number=5))

        async def look() -> None:
            await bench.lend("C", wish(4, 1, 1, look=True))
            await bench.lend("W", wish(3, 1, 1, 2))

        mine = [
            ("finish", finish),
            ("submit", submit),
            ("lend", look),
            ("promote", lambda: bench.hand("W").promote(connection)),
            ("reap", lambda: reap(connection, keys)),
            ("check", lambda: check_jobs(connection, keys, ["C-1", "C-2", "C-3", "C-4"], others=9)),
            ("cancel", lambda: bench.cancel(self.dice.choice(["C-1", "C-2", "C-3", "C-4"]))),
            ("attach", lambda: attach(connection, keys, "C/1", "C-4")),
            ("advance", lambda: advance(connection, keys, "C/1", "C-4", b"1-1")),
            ("tend", lambda: tend(connection, keys)),
            ("leave", lambda: bench.leave("W", "api")),
            ("resize", lambda: resize(connection, keys, "api", 5, quarantine_ms=0)),
            ("hello", lambda: bench.hello("V", slots=3)),
            ("quit", lambda: quit_(connection, keys, "W")),
            ("revive", lambda: revive(connection, keys, "7-7")),
        ]
        self.dice.shuffle(mine)
        odd = [(one.name + ODD, self._with_odd_arguments(one)) for one in ALL]
        self.dice.shuffle(odd)
        return [*mine, *odd[:6], *mine[:3]]

    def _with_odd_arguments(self, script: Script):
        names = [self._keys.prefix + name for name in _key_names(script)]
        args = [self._a_value() for _ in range(self.dice.randint(0, 14))]
        for at in range(len(args)):  # mostly in the place of a session or of the time
            if self.dice.random() < 0.3:
                args[at] = self.dice.choice(["C", "W", "", "C-1", "api", 1, 2])

        async def run() -> None:
            await self._connection.run(script, names, args)

        return run


def _key_names(script: Script) -> Sequence[str]:
    """What each of a script's keys is called in its header; the prefix has no name."""
    text = files("lionherd_dist.store").joinpath("lua", f"{script.name}.lua").read_text()
    named = re.findall(r"^-- KEYS \d+ (\w+)", text, re.MULTILINE)
    several = {"prefix": "", "inbox": "inbox:C", "owned": "owned:C", "job": "job:C-1"}
    several |= {"key": "due", "place": "aside:due"}
    return [several.get(name, name) for name in named]


async def fuzz(seed: int, states: int) -> list[Complaint]:
    """What is wrong with the first *states* of *seed*, on servers that end with this."""
    complaints: list[Complaint] = []
    number = 0
    while number < states:
        async with private_server() as url:
            connection = Connection(url, name="fuzzer")  # without a namespace, it mends nothing
            fuzzer = Fuzzer(connection, seed)
            try:
                while number < states:
                    number += 1
                    complaints += await fuzzer.state(number)
            except HangError as error:  # the next states need another server
                complaints.append(Complaint(f"state {number}", "hang", str(error)))
            finally:
                await connection.close()
    return complaints


def main() -> int:
    """The exit status of a run as the command line says."""
    parser = argparse.ArgumentParser(description="Run all scripts on namespaces in odd states.")
    parser.add_argument("--seed", type=int, default=1, help="what all is chosen from (default 1)")
    parser.add_argument("--states", type=int, default=4_000, help="how many (default 4000)")
    options = parser.parse_args()
    complaints = anyio.run(fuzz, options.seed, options.states)
    for one in complaints:
        print(f"{one.state}\n  {one.script}: {one.text}")
    print(f"{options.states:,} states, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
