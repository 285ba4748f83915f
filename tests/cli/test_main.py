"""The program around its commands: help, version, what is not installed, errors as paragraphs."""

import subprocess
import sys

import pytest

import lionherd_dist
from lionherd_dist.cli.complaints import UsageProblemError, complain
from lionherd_dist.errors import DecodeError, StoreUnavailableError

COMMANDS = [
    *("", "worker", "map", "demo", "status", "doctor", "health"),
    *("jobs", "jobs ls", "jobs show", "jobs cancel", "jobs attach"),
    *("dead", "dead ls", "dead show", "dead requeue", "dead drop"),
    *("scripts", "scripts load"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(here, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Every --help has commands to copy."""
    assert here(*command.split(), "--help") == 0
    assert f"lionherd-dist {command}".strip() in capsys.readouterr().out


def test_version_is_the_packages(here, capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints it."""
    assert here("--version") == 0
    assert lionherd_dist.__version__ in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    """One paragraph and status 2, for the script and for python -m."""
    code = (
        f"import sys; sys.modules['{missing}'] = None\n"
        "from lionherd_dist.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "lionherd-dist[cli]"' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ValueError("limit is 0"), 2, "Error: limit is 0\n"),
        (UsageProblemError("no such task"), 2, "Error: no such task\n"),
        (StoreUnavailableError("gone"), 1, "Error: gone\n"),
        (DecodeError("bytes"), 1, "Error: bytes\n"),
        (ExceptionGroup("g", [ExceptionGroup("h", [ValueError("in")])]), 2, "Error: in\n"),
        (KeyError("bug"), 1, "Error: KeyError: 'bug' (LIONHERD_DEBUG=1 or --debug shows"),
        (StoreUnavailableError("two\n\n\nparts"), 1, "Error: two\nparts\n"),
    ],
    ids=repr,
)
def test_an_error_is_one_paragraph(
    capsys: pytest.CaptureFixture[str], error: Exception, status: int, text: str
) -> None:
    """With its own exit status, and out of its group if it is alone in it."""
    assert complain(error, debug=False) == status
    assert capsys.readouterr().err.startswith(text)


@pytest.mark.parametrize("arguments", [["--debug", "map"], ["map", "--debug"]])
def test_debug_shows_the_traceback(
    here, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Before the command or after it."""
    assert here(*arguments, "my_tasks:nope") == 2
    assert "Traceback" in capsys.readouterr().err
