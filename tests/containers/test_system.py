"""The compose cluster, while everything that it is made of fails, one after the other."""

import pytest
from containers.compose import Project, docker, project, until
from containers.fed_job import FedJob

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]


def test_a_job_outlives_the_loss_of_all_that_it_runs_on() -> None:
    """A killed worker, a paused one, one without a network, a new server: one outcome for each."""
    with project("compose.yaml", up=("--scale", "worker=3")) as compose:
        killed, paused, cut_off = (compose.container("worker", n) for n in (1, 2, 3))
        with FedJob(compose, "--limit", "30") as job:
            job.goes_on()
            docker("kill", killed)
            job.goes_on()
            docker("pause", paused)
            job.catches_up()
            docker("unpause", paused)
            job.goes_on()
            network = f"{compose.name}_store"
            docker("network", "disconnect", network, cut_off)
            job.catches_up()
            until(lambda: compose.health(cut_off) == "unhealthy", description="it is unhealthy")
            docker("network", "connect", network, cut_off)
            until(lambda: compose.health(cut_off) == "healthy", description="it is well again")
            job.goes_on()
            compose("restart", "redis")
            job.catches_up()
            assert job.finish() == 0
        assert sorted(job.indexes) == list(range(job.fed))
        assert_a_worker_has_what_it_wants_in_production(compose)
        assert_nobody_may_more_than_it_must(compose)


def assert_a_worker_has_what_it_wants_in_production(compose: Project) -> None:
    """The faster event loop and the numbers for Prometheus; and nothing that installs packages."""
    look = "import uvloop, prometheus_client, importlib.util as u; print(u.find_spec('pip'))"
    assert compose("exec", "-T", "worker", "python", "-c", look) == "None"


def assert_nobody_may_more_than_it_must(compose: Project) -> None:
    """No root, no capability, nothing to write to, no port, no password to be seen."""
    for service in ("redis", "scripts", "worker"):
        status = compose("exec", "-T", service, "cat", "/proc/1/status")
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert facts["Uid"].split()[0] != "0"
        assert {int(facts[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {0}
        assert facts["NoNewPrivs"] == "1"
        writing = compose("exec", "-T", service, "sh", "-c", "touch /x 2>&1 || true")
        assert "Read-only file system" in writing
        limits = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}"
        number = 2 if service == "worker" else 1  # the first was killed
        limited = docker("inspect", "--format", limits, compose.container(service, number))
        assert all(int(limit) > 0 for limit in limited.split())
        shown = docker("inspect", compose.container(service, number))
        assert '"HostPort"' not in shown
        password = compose("exec", "-T", "worker", "cat", "/secrets/worker.url").split(":")[2]
        assert password.partition("@")[0] not in shown
    reading = ("--entrypoint", "sh", "client", "-c", "cat /secrets/* 2>&1 >/dev/null || true")
    refused = compose("run", "--rm", "--no-TTY", *reading).splitlines()
    others = ["/secrets/scripts.url:", "/secrets/users.acl:", "/secrets/worker.url:"]
    assert [line.split()[1] for line in refused] == others
