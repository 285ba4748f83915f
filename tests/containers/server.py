"""The public image of the server in a container, for tests that promise something of it, too."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
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
        patient = Retry(ConstantBackoff(0.05), int(START_S / 0.05))
        with redis.Redis(host=host, port=port, retry=patient) as connection:
            connection.ping()
        yield f"redis://{host}:{port}/0"
