"""The lowest versions that are tested are those that may be installed."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_tested_lowest_versions_are_the_floors_of_the_package() -> None:
    """``make test-lowest`` installs what pyproject.toml allows, and no later version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    floors = dict(
        re.fullmatch(r"([a-z]+)(?:\[[a-z]+\])?>=([\d.]+)", requirement).groups()  # type: ignore[union-attr]
        for requirement in project["dependencies"]
    )
    tested = dict(
        line.split("==")
        for line in (ROOT / "tests" / "lowest.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    assert set(tested) - set(floors) == {"hiredis"}, "redis[hiredis] sets the floor of hiredis"
    for name, floor in floors.items():
        assert tested[name].removesuffix(".0") == floor.removesuffix(".0"), name
