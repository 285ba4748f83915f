"""A lease as the code that holds it sees it, without a server."""

import anyio.to_thread
import pytest

from lionherd_dist import LeaseLost
from lionherd_dist.limiter.borrowers import Borrowers
from lionherd_dist.limiter.lease import Lease
from lionherd_dist.limiter.token import Token
from lionherd_dist.session.trust import Trust, uptime_s

pytestmark = pytest.mark.anyio


def given_back(token: Token) -> None:
    token.is_over = True


async def lease_of(token: Token) -> Lease:
    return Lease(token, Borrowers("api", given_back))


async def test_a_check_raises_before_anybody_has_said_that_the_token_is_lost() -> None:
    """As in the step that a paused process takes when it wakes; from any thread."""
    trust = Trust(15.0, uptime_s())
    lease = await lease_of(Token("api", 1, 7, trust))
    lease.check()
    trust.renewed(uptime_s() - 15.0)
    assert lease.lost_because is None
    with pytest.raises(LeaseLost, match="limiter 'api': its token 7 is lost"):
        lease.check()
    with pytest.raises(LeaseLost, match="not renewed in time"):
        await anyio.to_thread.run_sync(lease.check)
    trust.renewed(uptime_s())
    lease.release()


async def test_a_lost_lease_says_so_to_who_asks_later() -> None:
    """Whether it is asked or waited for; for one reason."""
    lease = await lease_of(Token("api", 1, 7, Trust(15.0, uptime_s())))
    lease.token.lose("the first reason")
    lease.token.lose("another")
    with anyio.fail_after(5):
        await lease.lost.wait()
    with pytest.raises(LeaseLost, match="the first reason"):
        lease.check()
    assert repr(lease) == "<lease of api, fence 7, lost: the first reason>"


async def test_a_lease_that_was_given_back_is_ours_no_longer() -> None:
    """A check says so; giving it back again does nothing."""
    lease = await lease_of(Token("api", 1, 7, Trust(15.0, uptime_s())))
    lease.release()
    lease.release()
    with pytest.raises(LeaseLost, match="it was given back"):
        lease.check()
    assert not lease.lost.is_set()
    assert repr(lease) == "<lease of api, fence 7, given back>"
