"""Dates and times as text: ISO 8601 with the zone in brackets, as in RFC 9557."""

import re
import zoneinfo
from datetime import datetime, time, tzinfo
from functools import cache

# The first character is the fold: which of two equal wall times, when a clock is set back.
_TEXT = re.compile(r"([01])([^\[\]]{1,64})(?:\[([A-Za-z0-9_+/-]{1,64})\])?")


def text_of(moment: datetime | time) -> str:
    """``0 2026-03-29T12:00:00.000001+02:00[Europe/Berlin]``, without the blank.

    A zone that is no zoneinfo one, or has no key, travels as its offset alone.
    """
    zone = moment.tzinfo
    key = zone.key if isinstance(zone, zoneinfo.ZoneInfo) else None
    return f"{moment.fold}{moment.isoformat()}" + (f"[{key}]" if key else "")


def datetime_from(text: str) -> datetime:
    """The datetime that *text* was made of.

    Where this machine does not know the zone it keeps the offset; where its rules for the zone
    differ it keeps the instant. Raises ValueError or OverflowError for any other text.
    """
    fold, iso, zone = _split(text)
    moment = datetime.fromisoformat(iso).replace(fold=fold)
    if zone is None or moment.tzinfo is None:
        return moment
    local = moment.replace(tzinfo=zone)
    return local if local.utcoffset() == moment.utcoffset() else moment.astimezone(zone)


def time_from(text: str) -> time:
    """The time that *text* was made of. Raises ValueError for any other text."""
    fold, iso, zone = _split(text)
    moment = time.fromisoformat(iso).replace(fold=fold)
    return moment if zone is None else moment.replace(tzinfo=zone)


def _split(text: str) -> tuple[int, str, tzinfo | None]:
    parts = _TEXT.fullmatch(text)
    if parts is None:
        raise ValueError("a date or time that is not written as we write it")
    fold, iso, key = parts.groups()
    # Only keys of the list are looked up: a key is part of a file name.
    zone = zoneinfo.ZoneInfo(key) if key in _known_zones() else None
    return int(fold), iso, zone


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
