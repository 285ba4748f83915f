"""The public image of the server in a container, for tests that promise something of it, too."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from testcontainers.core.container import DockerContainer

IMAGE = "redis:7-alpine"
PORT = 6379
START_S = 20.0

# The names of the fixtures with their URLs, as parameters of a fixture.
BOTH_SERVERS = (
    pytest.param("embedded_url", id="embedded"),
    pytest.param("container_url", id=IMAGE, marks=pytest.mark.docker),
)


def need_docker() -> None:
    """Skip the test where Docker does not answer; but where it is expected, fail."""
    complaint = _complaint("info") or _complaint("compose", "version")
    if not complaint:
        return
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"CI is set, so these tests need Docker, which does not answer: {complaint}")
    pytest.skip(f"Docker does not answer: {complaint}")


def _complaint(*command: str) -> str:
    """Why Docker does not carry *command* out; nothing if it does."""
    try:
        done = subprocess.run(
            ["docker", *command], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip() or "it does not say why") if done.returncode else ""


@contextmanager
def container() -> Iterator[str]:
    """The URL of a fresh server in a container; both are gone when the block is left."""
    need_docker()
    with DockerContainer(IMAGE).with_exposed_ports(PORT) as server:
        host, port = server.get_container_host_ip(), int(server.get_exposed_port(PORT))
        _wait_until_it_answers(host, port)
        yield f"redis://{host}:{port}/0"


def _wait_until_it_answers(host: str, port: int) -> None:
    """Ask again until the server answers.

    Docker's proxy takes connections before the server does and closes them, which older releases of
    redis-py do not retry while they greet the server.
    """
    deadline = time.monotonic() + START_S
    while True:
        try:
            with redis.Redis(host=host, port=port) as connection:
                connection.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)
