"""The cluster of ``compose.sentinel.yaml``: a server that is lost has a replica in its place."""

import os

import pytest
from containers.compose import docker, project, until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

FILES = ("compose.yaml", "compose.sentinel.yaml")
NETWORK = f"10.214.{os.getpid() % 256}"  # not that of a cluster, or of a test, that is running
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")


def test_a_replica_takes_over_and_the_lost_server_comes_back_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All three sentinels name the same server, before and after."""
    monkeypatch.setenv("LIONHERD_NETWORK", NETWORK)
    with project(*FILES, up=SENTINELS) as compose:

        def ask(sentinel: str, *question: str) -> list[str]:
            answer = ("exec", "-T", sentinel, "redis-cli", "-p", "26379", "sentinel", *question)
            return compose(*answer).splitlines()

        def masters() -> set[str]:
            return {ask(one, "get-master-addr-by-name", "mymaster")[0] for one in SENTINELS}

        def replica() -> dict[str, str]:
            lines = ask(SENTINELS[0], "replicas", "mymaster")
            return dict(zip(lines[::2], lines[1::2], strict=True))

        assert masters() == {f"{NETWORK}.2"}
        server = compose.container("redis")
        docker("kill", server)
        until(lambda: masters() == {f"{NETWORK}.3"}, description="the replica has taken over")
        docker("start", server)
        until(
            lambda: (replica()["ip"], replica()["master-link-status"]) == (f"{NETWORK}.2", "ok"),
            description="the server that was lost follows the one that took over",
        )
