"""One picture of a namespace, drawn twice: from what the server holds and from the model."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from model.driver import Found
from model.life import Life
from model.values import PARKED

View: TypeAlias = dict[str, object]

NUMBERS = ("limit", "cap", "next", "released", "consumed", "done", "total", "deadline", "cancelled")


def expected(life: Life) -> View:
    """What the model says that the server holds."""
    jobs = life.jobs
    return {
        "sessions": life.sessions,
        "slots": {**life.slots, "*": sum(life.slots.values())},
        "opened": life.opened,
        "owned": {name: ids for name, ids in life.owned.items() if ids},
        "kept": life.kept,
        "jobs": {
            id_: [job.owner, *(getattr(job, name) for name in NUMBERS), job.keep_ms, job.streak]
            for id_, job in jobs.items()
        },
        "readers": {id_: (job.reader, job.read) for id_, job in jobs.items()},
        "unread": {id_: job.unread for id_, job in jobs.items() if job.unread},
        "backlog": {id_: job.backlog for id_, job in jobs.items() if job.backlog},
        "hand": {id_: job.hand for id_, job in jobs.items() if job.hand},
        "solo": {id_: job.solo for id_, job in jobs.items() if job.solo},
        "stream": [(n, call.header, call.payload, *call.rest) for n, call in life.stream.items()],
        "pending": life.pending,
        "consumers": life.consumers,
        "due": {f"{id_} {index}": at for (id_, index), (at, _) in life.parked.items()},
        "parked": {
            f"{id_} {index}": b"%d %d %d %b"
            % (call.attempt, call.deadline, call.deaths, call.payload)
            for (id_, index), (_, call) in life.parked.items()
        },
        "inbox": {name: news for name, news in life.inboxes.items() if news},
        "control": sorted(life.control),
        "dead": life.dead,
    }


def seen(
    found: Found, numbers: Mapping[bytes, int], outcomes: Mapping[tuple[str, bytes], int]
) -> View:
    """What the server holds, its entries under the numbers by which the model knows them."""
    content = found.content

    def ours(prefix: str, suffix: str = "") -> list[tuple[str, str]]:
        return [
            (key, key[len(prefix) : len(key) - len(suffix)])
            for key in content
            if key.startswith(prefix) and key.endswith(suffix)
        ]

    def number(entry: bytes) -> object:
        return PARKED if entry == b"parked" else numbers.get(entry, entry)

    def mark(text: bytes) -> tuple[int, object]:
        deaths, _, entry = text.partition(b" ")
        return int(deaths), number(entry) if entry else None

    hashes = [(key, id_) for key, id_ in ours("job:") if ":" not in id_]
    slots = {name: int(count) for name, count in table(content.get("slots")).items()}
    return {
        "sessions": integers(content.get("sessions")),
        "slots": {"*": 0, **slots},
        "opened": integers(content.get("opened")),
        "owned": {name: set(table(content[key])) for key, name in ours("owned:")},
        "kept": integers(content.get("kept")),
        "jobs": {id_: _job(table(content[key])) for key, id_ in hashes},
        "readers": {id_: _reader(table(content[key])) for key, id_ in hashes},
        "unread": {
            id_: {
                outcomes.get((id_, entry), entry): news_of(fields)[1]
                for entry, fields in entries(content[key])
            }
            for key, id_ in ours("job:", ":outcomes")
            if content[key]
        },
        "backlog": {id_: content[key] for key, id_ in ours("job:", ":backlog")},
        "hand": {
            id_: {int(index): number(entry) for index, entry in table(content[key]).items()}
            for key, id_ in ours("job:", ":hand")
        },
        "solo": {
            id_: {int(index): mark(text) for index, text in table(content[key]).items()}
            for key, id_ in ours("job:", ":solo")
        },
        "stream": [
            (number(entry), fields[1].decode(), *fields[3::2])
            for entry, fields in entries(content.get("calls"))
        ],
        "pending": {number(entry): holder for entry, holder in found.pending.items()},
        "consumers": found.consumers,
        "due": integers(content.get("due")),
        "parked": table(content.get("parked")),
        "inbox": {
            name: [news_of(fields) for _, fields in entries(content[key])]
            for key, name in ours("inbox:")
            if content[key]
        },
        "control": sorted(fields[1].decode() for _, fields in entries(content.get("control"))),
        "dead": [_letter(fields) for _, fields in entries(content.get("dead"))],
    }


def entries(content: object) -> list[tuple[bytes, list[bytes]]]:
    """A stream's entries."""
    return cast("list[tuple[bytes, list[bytes]]]", content or [])


def table(content: object) -> dict[str, bytes]:
    """A hash, or a sorted set with its scores."""
    flat = cast("Sequence[bytes]", content or [])
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def integers(content: object) -> dict[str, int]:
    """A hash of whole numbers, or a sorted set with such scores."""
    return {name: int(value) for name, value in table(content).items()}


def news_of(fields: Sequence[bytes]) -> tuple[object, ...]:
    """An entry of an inbox: the job, then "end", "cancelled" or (index, outcome) pairs."""
    job = fields[1].decode()
    if fields[2] in {b"end", b"cancelled"}:
        return (job, fields[2].decode())
    pairs = zip(fields[2::2], fields[3::2], strict=True)
    return (job, *((int(index), outcome) for index, outcome in pairs))


def _letter(fields: Sequence[bytes]) -> tuple[object, ...]:
    job, index, header, payload, outcome = fields[1::2]
    return (job.decode(), int(index), header.decode(), payload, outcome)


def _job(fields: Mapping[str, bytes]) -> list[object]:
    numbers = (int(fields[name]) for name in (*NUMBERS, "keep"))
    return [fields["owner"].decode(), *numbers, int(fields.get("streak", 0))]


def _reader(fields: Mapping[str, bytes]) -> tuple[str | None, int]:
    reader = fields.get("reader")
    name = reader.decode() if reader is not None else None
    return name, int(fields.get("read", 0))
