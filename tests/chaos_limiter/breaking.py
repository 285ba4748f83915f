"""Guarantees of the limiter broken on purpose, to show that the referee notices."""

from chaos.breaking import Break, put_in_place

from lionherd_dist.session import heartbeat, trust

_LENDERS = ("LEND", "LEAVE", "RESIZE", "TEND")
_FREE = "return limiter.total - limiter.lent"
_FENCE = "return math.max(limiter.fence, micros * FENCES_PER_MICRO) end"
_GIVEN_ON = "hand_out(keys.calls, job_key, index, header, payloads[at])"
BREAKS: dict[str, tuple[Break, ...]] = {
    "resurrecting-renewal": (  # and nobody doubts a session that was not renewed for long
        Break("BEAT", (("or 0) <= now then return {0, now} end", "or 0) < 0 then return {} end"),)),
    ),
    "one-too-many": tuple(Break(name, ((_FREE, f"{_FREE} + 1"),)) for name in _LENDERS),
    "fence-stands-still": tuple(Break(name, ((_FENCE, "return 0 end"),)) for name in _LENDERS),
    "dead-hold-on": tuple(
        Break(name, (("if lives(house, owner) then", "if true then"),)) for name in _LENDERS
    ),
    "token-dies-with-worker": (  # the call goes on without one, and there is one too many
        Break("REAP", ((_GIVEN_ON, f"{_GIVEN_ON}; give_back(keys, id, job, {{index}})"),)),
    ),
}


def break_limiter(name: str) -> None:
    """Break what *name* says, in this process."""
    put_in_place(BREAKS[name])
    if name == "resurrecting-renewal":
        trust.TRUSTED_SHARE = heartbeat.TRUSTED_SHARE = 1_000.0
