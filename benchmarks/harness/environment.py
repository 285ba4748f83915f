"""A virtual environment for each contender, made when it is first needed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.contender import load

VENVS = Path(__file__).parent.parent / ".venvs"
LIST = (
    "import json, importlib.metadata as m;"
    "print(json.dumps({d.name: d.version for d in m.distributions()}))"
)


def python_of(name: str) -> Path:
    return VENVS / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(names: Sequence[str], say: Callable[[str], None]) -> None:
    """Make the environments of *names* that are not there as their adapters want them."""
    for name in names:
        requirements = load(name).REQUIREMENTS
        stamp = VENVS / name / "installed"
        if stamp.exists() and stamp.read_text() == "\n".join(requirements):
            continue
        say(f"{name}: installing {', '.join(requirements)}")
        _run(name, [sys.executable, "-m", "venv", "--clear", str(VENVS / name)])
        pip = [str(python_of(name)), "-m", "pip", "install", "--quiet"]
        _run(name, [*pip, "--disable-pip-version-check", *requirements])
        stamp.write_text("\n".join(requirements))


def _run(name: str, command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the environment of {name}: {' '.join(command)}\n{done.stderr}")


def versions(name: str) -> dict[str, str]:
    """The versions of what the adapter of *name* names, as they are installed."""
    output = subprocess.run(
        [str(python_of(name)), "-c", LIST], check=True, capture_output=True, text=True
    ).stdout
    installed = {key.lower().replace("_", "-"): value for key, value in json.loads(output).items()}
    wanted = (requirement.partition("==")[0].lower() for requirement in load(name).REQUIREMENTS)
    return {package: installed[package.replace("_", "-")] for package in wanted}
