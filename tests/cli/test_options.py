"""How a server is named to the commands."""

from pathlib import Path

import pytest

CANARY = "canary-3141"


@pytest.mark.parametrize("command", ["worker", "map"])
def test_a_login_among_the_arguments_is_warned_of(
    here, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Once, without a piece of it; what was asked for is done all the same."""
    assert here(command, "nowhere:x", "--redis", f"redis://:{CANARY}@localhost:1") == 2
    told = capsys.readouterr().err
    assert told.count("Warning: whoever can list this machine's processes can read the login") == 1
    assert "LIONHERD_REDIS_URL_FILE" in told
    assert "nowhere" in told
    assert CANARY not in told


def test_a_server_without_a_login_is_not_warned_of(
    here, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to read."""
    assert here("worker", "nowhere", "--redis", "redis://localhost:1") == 2
    assert "Warning" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["worker", "my_tasks"], ["map", "my_tasks:double"]])
def test_a_file_names_the_server(
    here,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    """Then map starts no private one; and a login for another host is not sent in the open."""
    (tmp_path / "url").write_text(f"redis://:{CANARY}@redis.example/0\n")
    monkeypatch.setenv("LIONHERD_REDIS_URL_FILE", str(tmp_path / "url"))
    assert here(*arguments) == 2
    told = capsys.readouterr().err
    assert "the login for redis://redis.example:6379 would cross the network" in told
    assert CANARY not in told
