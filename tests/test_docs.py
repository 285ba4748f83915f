"""What the README and the docs show is run, as it stands there."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from lionherd_dist import environment

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
# Pages that say that the variable names one.
WITH_A_SERVER = {"commands.md", "operations.md", "telemetry.md"}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# (\w+\.py)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where it stands."""

    language: str
    text: str
    where: str


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in BLOCK.finditer(text):
        line = text[: match.start()].count("\n") + 1
        yield Block(match[1], match[2], f"{page.name}, line {line}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path, redis_url: str) -> None:
    """In order, in one directory: files by their first line, then programs and commands."""
    bin_ = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
    if page.name in WITH_A_SERVER:
        env["LIONHERD_REDIS_URL"] = redis_url
    for number, block in enumerate(blocks(page)):
        if block.text.startswith("docker "):
            continue  # tests/containers/test_readme.py
        first = block.text.partition("\n")[0]
        name = FILE_NAME.match(first)
        if block.language == "python":
            file = tmp_path / (name[1] if name else f"block_{number}.py")
            file.write_text(block.text)
            command = None if name else [sys.executable, str(file)]
        else:
            assert block.language in {"sh", "console"}, f"{block.where}: unknown language"
            command = ["sh", "-ec", block.text] if block.language == "sh" else None
        if command:
            done = subprocess.run(
                command,
                check=False,
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                timeout=100,
            )
            assert done.returncode == 0, f"{block.where}:\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_without_running_it_exists(page: Path) -> None:
    """Sessions that need a machine or a server elsewhere: targets, options, variables, extras."""
    sessions = [block for block in blocks(page) if block.language == "console"]
    for block in sessions:
        for line in block.text.replace("\\\n", "").splitlines():
            assert line.startswith("$ "), f"{block.where}: {line}"
            words = shlex.split(line.removeprefix("$ "), comments=True)
            settings = takewhile(lambda word: re.match("[A-Z_]+=", word), words)
            assert known(words[len(list(settings)) :]), f"{block.where}: {line}"


def known(words: list[str]) -> bool:
    """Whether what a command names is there."""
    match words:
        case ["make", target]:
            return f"\n{target}:" in (ROOT / "Makefile").read_text()
        case ["export", setting]:
            name = setting.partition("=")[0].removesuffix(environment.FILE_SUFFIX)
            return name in {environment.URL_VARIABLE, environment.PASSWORD_VARIABLE}
        case ["pip", "install", package, *_]:
            extras = re.findall(r"\w+", package.partition("[")[2])
            named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            return set(extras) <= set(named["optional-dependencies"])
        case ["lionherd-dist", command, *rest]:
            options = {word for word in rest if word.startswith("-")}
            return options <= set(re.findall(r"--[\w-]+", help_of(command)))
    return words[0] in {"curl", "jq"}


def help_of(command: str) -> str:
    program = [sys.executable, "-m", "lionherd_dist", command, "--help"]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout


def test_the_commands_that_the_readme_shows_exist() -> None:
    """Each `make` target is one, and each script of `lionherd-dist` answers --help."""
    text = (ROOT / "README.md").read_text()
    targets = re.findall(r"make ([a-z]+)", text)
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test", "check", "bench"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for command in set(re.findall(r"lionherd-dist (\w+)", text)):
        assert "Examples" in help_of(command)


def test_every_promise_names_tests_that_exist() -> None:
    """docs/guarantees.md: each id is a function in that file, and each promise has some."""
    text = (ROOT / "docs" / "guarantees.md").read_text()
    promises = text.split("\n## ")[1:]
    assert len(promises) == 8
    for promise in promises:
        ids = re.findall(r"^- `([\w/]+\.py)::(\w+)`$", promise, re.MULTILINE)
        assert ids, promise.partition("\n")[0]
        for file, name in ids:
            assert f"def {name}(" in (ROOT / "tests" / file).read_text(), f"{file}::{name}"
