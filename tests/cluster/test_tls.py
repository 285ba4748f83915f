"""The whole road over TLS: whom it trusts, and whom not."""

from pathlib import Path

import anyio
import pytest
import tasks
from road import collect, working
from tls import behind_tls, papers

from lionherd_dist import Cluster, Settings, StoreRefusedError, Worker

pytestmark = pytest.mark.anyio

SETTINGS = Settings(namespace="tls", session_s=5)


async def test_a_job_runs_over_tls(tmp_path: Path) -> None:
    """Client, worker and both heartbeats; the authority is named in the URL."""
    files = papers(tmp_path)
    async with behind_tls(files) as port:
        url = f"rediss://localhost:{port}?ssl_ca_certs={files.authority}"
        async with working(url, SETTINGS), Cluster(url, settings=SETTINGS) as cluster:
            assert await collect(cluster, calls=3_000) == 0


async def test_a_server_may_ask_for_a_certificate_of_ours(tmp_path: Path) -> None:
    """Both sides know each other then."""
    files = papers(tmp_path)
    async with behind_tls(files, wants_client=True) as port:
        url = (
            f"rediss://localhost:{port}?ssl_ca_certs={files.authority}"
            f"&ssl_certfile={files.client}&ssl_keyfile={files.client}"
        )
        async with working(url, SETTINGS), Cluster(url, settings=SETTINGS) as cluster:
            assert await cluster.run(tasks.double.call(4)) == 8


@pytest.mark.parametrize(
    ("host", "trusted", "reason"),
    [
        ("localhost", False, "unable to get local issuer certificate|self.signed certificate"),
        ("elsewhere.example", True, "Hostname mismatch"),
    ],
)
async def test_a_server_that_cannot_prove_who_it_is_is_refused_at_once(
    tmp_path: Path, host: str, trusted: bool, reason: str
) -> None:
    """An authority that nobody named, or a certificate of some other host; nothing is retried."""
    files = papers(tmp_path, host=host)
    async with behind_tls(files) as port:
        url = f"rediss://localhost:{port}"
        if trusted:
            url += f"?ssl_ca_certs={files.authority}"
        with anyio.fail_after(4):
            with pytest.raises(StoreRefusedError, match=reason):
                async with Cluster(url, settings=SETTINGS):
                    pass
            with pytest.raises(StoreRefusedError, match=reason):
                await Worker(tasks, redis=url, settings=SETTINGS).run()
