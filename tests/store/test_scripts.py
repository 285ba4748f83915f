"""Each script says in its header what it takes, and takes just that."""

import re
from pathlib import Path

import pytest

import lionherd_dist.store

LUA = Path(lionherd_dist.store.__file__).parent / "lua"
VERBS = sorted(path for path in LUA.glob("*.lua") if not path.name.startswith("_"))
MOST_LINES = 70  # of code; the header is as long as it must be


@pytest.mark.parametrize("path", VERBS, ids=lambda path: path.stem)
def test_header_names_the_keys_and_arguments_that_the_body_uses(path: Path) -> None:
    """KEYS and ARGV are numbered without a gap, and the fixed ones are those of the header."""
    lines = path.read_text().splitlines()
    header = [line for line in lines if line.startswith("--")]
    body = "\n".join(line for line in lines if not line.startswith("--"))
    assert header[0].startswith(f"-- {path.stem}: ")
    assert any(line.startswith("-- RETURN ") for line in header)

    keys = [int(n) for n in re.findall(r"^-- KEYS (\d+) ", "\n".join(header), re.MULTILINE)]
    assert keys == list(range(1, len(keys) + 1))
    unpacked = re.search(r"^local ([\w, ]+) = unpack\(KEYS\)", body, re.MULTILINE)
    named = [int(n) for n in re.findall(r"KEYS\[(\d+)\]", body)]
    assert len(keys) == (len(unpacked[1].split(",")) if unpacked else max(named))

    text = " ".join(line for line in header if line.startswith("-- ARGV"))
    fixed = [int(n) for n in re.findall(r"(?:ARGV|\|) (\d+) ", text)]
    assert fixed == list(range(1, len(fixed) + 1))
    assert max(map(int, re.findall(r"ARGV\[(\d+)\]", body))) <= len(fixed)


@pytest.mark.parametrize("path", sorted(LUA.glob("*.lua")), ids=lambda path: path.stem)
def test_scripts_stay_short_and_take_the_time_from_the_clock(path: Path) -> None:
    """One verb fits one screen; nothing but the prelude reads TIME; nothing trims the calls."""
    text = path.read_text()
    code = [line for line in text.splitlines() if line and not line.startswith("--")]
    assert len(code) <= MOST_LINES
    assert path.stem == "_now" or "'TIME'" not in text
    assert not re.search(r"calls_key.*MAXLEN", text)
