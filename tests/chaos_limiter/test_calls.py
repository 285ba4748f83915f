"""A call's token, as the referee judges it: samples of the server beside the bodies that ran."""

import pytest
from chaos.evidence import Body
from chaos.records import Records
from chaos.vain import Vain

from chaos_limiter.calls import CallTokens
from chaos_limiter.evidence import Sample

FENCE = 7
CALL = "7-1/0"


def calls(bodies: list[Body], *looks: tuple[float, dict[str, int]]) -> CallTokens:
    """Call 0 of a job whose id is ``7-1``; each look is a moment and what was lent then."""
    samples = [Sample(at, at + 0.01, lent, 1, FENCE) for at, lent in looks]
    return CallTokens(bodies, {"job": "7-1"}, samples, Vain(bodies, [], Records(), 1.0))


def body(who: str, started_at: float, ended_at: float | None) -> Body:
    """No end says that its process was killed."""
    begun = Body("job", 0, who, 0, started_at, started_at)
    if ended_at is not None:
        begun.ended_at, begun.how = ended_at, "done"
    return begun


BODIES = [body("w1.1", 1.0, None), body("w2.1", 3.0, 4.0)]
HELD = {CALL: FENCE}


def test_a_token_that_stays_with_its_call_is_no_violation() -> None:
    """From the first start to the outcome, over the death of a worker; what is after is free."""
    found = calls(BODIES, (0.5, {}), (1.5, HELD), (2.0, HELD), (3.5, HELD), (4.5, {}))
    assert found.strayed() == []
    assert found.begun_again() == 1
    first, second = found.turns("api", Records())
    assert (first.fence, second.fence) == (FENCE, FENCE)
    assert first.believed < second.at == 3.0
    assert second.believed == 4.0


@pytest.mark.parametrize(
    ("look", "said"),
    [((2.0, {}), "ran without"), ((3.5, {CALL: FENCE + 1}), "was given"), ((3.5, {}), "without")],
)
def test_a_token_that_is_lost_or_exchanged_is_one(
    look: tuple[float, dict[str, int]], said: str
) -> None:
    """Between two workers, or while one runs it."""
    (found,) = calls(BODIES, (1.5, HELD), look, (3.9, HELD)).strayed()
    assert said in found
