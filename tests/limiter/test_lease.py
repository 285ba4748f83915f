"""A lease as the code that holds it sees it, without a server."""

import anyio.to_thread
import pytest

from lionherd_dist import LeaseLost
from lionherd_dist.limiter.lease import Lease
from lionherd_dist.session.trust import Trust, uptime_s

pytestmark = pytest.mark.anyio


async def test_a_check_raises_before_anybody_has_said_that_the_token_is_lost() -> None:
    """As in the step that a paused process takes when it wakes; from any thread."""
    trust = Trust(15.0, uptime_s())
    lease = Lease("api", 1, 7, trust)
    lease.check()
    trust.renewed(uptime_s() - 15.0)
    assert lease.lost_because is None
    with pytest.raises(LeaseLost, match="the token 7 of limiter 'api' is lost"):
        lease.check()
    with pytest.raises(LeaseLost, match="not renewed in time"):
        await anyio.to_thread.run_sync(lease.check)


async def test_a_lost_lease_says_so_to_who_asks_later() -> None:
    """Whether it is asked or waited for; for one reason."""
    lease = Lease("api", 1, 7, Trust(15.0, uptime_s()))
    lease.lose("the first reason")
    lease.lose("another")
    with anyio.fail_after(5):
        await lease.lost.wait()
    with pytest.raises(LeaseLost, match="the first reason"):
        lease.check()
