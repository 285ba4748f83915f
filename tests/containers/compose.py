"""The compose cluster as a test drives it: by an operator's commands, as a project of its own."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from containers.server import need_docker

ROOT = Path(__file__).parent.parent.parent


def docker(*command: str, within_s: float = 60) -> str:
    """What ``docker`` prints; it must succeed."""
    done = subprocess.run(
        ["docker", *command], capture_output=True, text=True, check=False, timeout=within_s
    )
    assert done.returncode == 0, f"docker {' '.join(command)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def until(condition: Callable[[], bool], *, description: str, within_s: float = 60) -> None:
    """Look at *condition* until it holds; fail with *description* when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {within_s} s in vain until {description}")
        time.sleep(0.05)


class Project:
    """A compose project that is running; made by ``project``."""

    def __init__(self, name: str, files: Sequence[str]) -> None:
        self.name = name
        self.command = ("compose", "--project-name", name)
        for file in files:
            self.command += ("--file", str(ROOT / file))

    def __call__(self, *command: str, within_s: float = 120) -> str:
        """What ``docker compose`` prints for *command*."""
        return docker(*self.command, *command, within_s=within_s)

    def container(self, service: str, number: int = 1) -> str:
        """The name of the container that is the *number*-th of *service*."""
        return f"{self.name}-{service}-{number}"

    def health(self, container: str) -> str:
        """What its health check said last: starting, healthy or unhealthy."""
        return docker("inspect", "--format", "{{.State.Health.Status}}", container)


@contextmanager
def project(*files: str, up: tuple[str, ...] | None) -> Iterator[Project]:
    """A project of *files*, brought up by ``up`` with these options; gone afterwards, always.

    With None as *up*, whoever asked brings it up.
    """
    need_docker()
    compose = Project(f"lh-test-{os.getpid()}", files or ["compose.yaml"])
    try:
        if up is not None:
            compose("up", "--build", "--wait", *up)
        yield compose
    finally:
        subprocess.run(["docker", *compose.command, "unpause"], capture_output=True, check=False)
        compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")
        image = ["docker", "image", "rm", f"{compose.name}-worker"]  # there is none if it failed
        subprocess.run(image, capture_output=True, check=False)
