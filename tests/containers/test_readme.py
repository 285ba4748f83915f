"""What the README says of the compose cluster is run as it stands there, in a fresh checkout."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from containers.compose import ROOT, project
from test_docs import blocks

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

CHECKOUT = ("compose.yaml", "compose", "worker", "lionherd_dist", ".dockerignore")
PACKAGE = ("pyproject.toml", "README.md", "LICENSE")


def test_the_commands_of_the_readme_work_when_they_are_pasted(tmp_path: Path) -> None:
    """Line by line: up, a job whose every outcome is there, down to nothing."""
    for name in (*CHECKOUT, *PACKAGE):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    texts = [one.text for one in blocks(ROOT / "README.md") if one.text.startswith("docker ")]
    assert len(texts) == 1
    with project(up=None) as compose:  # it removes what is left where a command fails
        env = {**os.environ, "COMPOSE_PROJECT_NAME": compose.name}
        for line in texts[0].splitlines():
            done = subprocess.run(
                ["sh", "-ec", line],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert done.returncode == 0, f"{line}:\n{done.stdout}\n{done.stderr}"
        left = ["docker", "ps", "--all", "--quiet", "--filter", f"name={compose.name}"]
        assert subprocess.run(left, capture_output=True, text=True, check=True).stdout == ""
    outcomes = (tmp_path / "primes.jsonl").read_text().splitlines()
    assert len(outcomes) == 200
