"""The cluster of ``compose.sentinel.yaml``: a server that is lost has a replica in its place."""

import os
from collections.abc import Callable

import pytest
from containers.compose import Project, docker, project, until
from containers.fed_job import FedJob

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

FILES = ("compose.yaml", "compose.sentinel.yaml")
NETWORK = f"10.214.{os.getpid() % 256}"  # not that of a cluster, or of a test, that is running
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")


def test_a_job_ends_when_its_server_is_lost_and_a_replica_takes_over(
    monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """In each outcome once, or in ``JobLostError``; and the lost server comes back as a replica."""
    monkeypatch.setenv("LIONHERD_NETWORK", NETWORK)
    with project(*FILES, up=("--scale", "worker=2")) as compose:
        assert masters(compose) == {f"{NETWORK}.2"}
        server = compose.container("redis")
        with FedJob(compose, "--limit", "30", "--debug") as job:
            job.goes_on()
            docker("kill", server)
            lost = job.is_lost()
            assert lost or ends_well(job)
        assert len(set(job.indexes)) == len(job.indexes)
        if lost:
            with FedJob(compose, "--limit", "30") as next_:
                next_.goes_on()
                assert ends_well(next_)
        assert masters(compose) == {f"{NETWORK}.3"}
        record_property("lost", lost)
        record_property("longest_stall_s", round(job.longest_stall_s, 1))
        print(f"lost: {lost}; longest stall: {job.longest_stall_s:.1f} s")
        docker("start", server)
        until(
            lambda: replica(compose) == (f"{NETWORK}.2", "ok"),
            description="the server that was lost follows the one that took over",
        )


def ends_well(job: FedJob) -> bool:
    """Whether it ends with an outcome for each item, once."""
    return job.finish() == 0 and sorted(job.indexes) == list(range(job.fed))


def ask(compose: Project, sentinel: str, *question: str) -> list[str]:
    answer = ("exec", "-T", sentinel, "redis-cli", "-p", "26379", "sentinel", *question)
    return compose(*answer).splitlines()


def masters(compose: Project) -> set[str]:
    """The addresses that the sentinels name: one, when they agree."""
    return {ask(compose, one, "get-master-addr-by-name", "mymaster")[0] for one in SENTINELS}


def replica(compose: Project) -> tuple[str, str]:
    """The replica's address, and whether it is connected to its master."""
    lines = ask(compose, SENTINELS[0], "replicas", "mymaster")
    facts = dict(zip(lines[::2], lines[1::2], strict=True))
    return facts["ip"], facts["master-link-status"]
