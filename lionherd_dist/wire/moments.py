"""Dates and times as text: ISO 8601 with the zone in brackets, as in RFC 9557."""

import re
import zoneinfo
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from functools import cache

# The first character is the fold: which of two equal wall times, when a clock is set back. A key of
# zoneinfo stands in [], the name that somebody gave to an offset in <>.
_TEXT = re.compile(r"([01])([^\[\]<>]{1,64})(?:\[([A-Za-z0-9_+/-]{1,64})\]|<(.*)>)?", re.DOTALL)
_SHORTEST = timedelta(seconds=1)


def text_of(moment: datetime | time) -> str:
    """``0 2026-03-29T12:00:00.000001+02:00[Europe/Berlin]``, without the blank.

    Raises ValueError for a zone that would not arrive as itself.
    """
    zone = moment.tzinfo
    if zone is None or zone is UTC:
        return f"{moment.fold}{moment.isoformat()}"
    if type(zone) is zoneinfo.ZoneInfo and zone.key in _known_zones():
        return f"{moment.fold}{moment.isoformat()}[{zone.key}]"
    if type(zone) is not timezone:
        cls = type(zone)
        raise ValueError(
            f"its zone is a {cls.__module__}.{cls.__qualname__}: give it a zoneinfo.ZoneInfo of "
            "a usual key, or a datetime.timezone, with .astimezone(...)"
        )
    offset, *names = zone.__getinitargs__()  # type: ignore[attr-defined]  # what pickle uses
    if offset and abs(offset) < _SHORTEST:
        raise ValueError(f"Python cannot read an offset of {offset} again: round it to seconds")
    return f"{moment.fold}{moment.isoformat()}" + (f"<{names[0]}>" if names else "")


def datetime_from(text: str) -> datetime:
    """The datetime that *text* was made of.

    Where this machine does not know the zone it keeps the offset; where its rules for the zone
    differ it keeps the instant. Raises ValueError or OverflowError for any other text.
    """
    fold, iso, zone = _split(text)
    moment = datetime.fromisoformat(iso).replace(fold=fold)
    if zone is None or moment.tzinfo is None:
        return moment
    if isinstance(zone, str):
        return moment.replace(tzinfo=_named(moment, zone))
    local = moment.replace(tzinfo=zone)
    return local if local.utcoffset() == moment.utcoffset() else moment.astimezone(zone)


def time_from(text: str) -> time:
    """The time that *text* was made of. Raises ValueError for any other text."""
    fold, iso, zone = _split(text)
    moment = time.fromisoformat(iso).replace(fold=fold)
    if isinstance(zone, str):
        return moment.replace(tzinfo=_named(moment, zone))
    return moment if zone is None else moment.replace(tzinfo=zone)


def _named(moment: datetime | time, name: str) -> timezone:
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a name of an offset without the offset")
    return timezone(offset, name)


def _split(text: str) -> tuple[int, str, tzinfo | str | None]:
    parts = _TEXT.fullmatch(text)
    if parts is None:
        raise ValueError("a date or time that is not written as we write it")
    fold, iso, key, name = parts.groups()
    if name is not None:
        return int(fold), iso, name
    # Only keys of the list are looked up: a key is part of a file name.
    zone = zoneinfo.ZoneInfo(key) if key in _known_zones() else None
    return int(fold), iso, zone


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
