"""What a worker says of a call: in the store's words and in the model's."""

from lionherd_dist.store.calls import Again, Back, Dead, Done, Next, Settled, Taken
from model.values import Verdict


def said_of(taken: Taken, verb: str, delay_ms: int) -> tuple[list[Settled], Taken | None]:
    """What a worker says of an entry, and what it runs of it then; *verb* may concern several."""
    if verb in {"done", "dead", "again", "back"}:
        return [settled_as(taken, verb, delay_ms)], None
    said: list[Settled] = []
    while taken.rest:
        said.append(Next(taken, b"ok"))
        taken = taken.following()
        if verb == "next":
            return said, taken
        if verb == "next again":
            break
    last = "again" if verb == "next again" else "done"
    return [*said, settled_as(taken, last, delay_ms)], None


def settled_as(taken: Taken, verb: str, delay_ms: int) -> Settled:
    """What a worker says of a call, by its verb."""
    match verb:
        case "done":
            return Done(taken, b"ok")
        case "dead":
            return Dead(taken, b"why")
        case "again":
            return Again(taken, taken.attempt + 1, delay_ms)
        case _:
            return Back(taken)


def verdict_of(settled: Settled, number: int) -> Verdict:
    """The same, as the model takes it."""
    taken = settled.taken
    match settled:
        case Done(_, outcome):
            verb = "next" if isinstance(settled, Next) else "last" if taken.rest else "done"
            return Verdict(taken.job, taken.index, number, verb, outcome)
        case Dead(_, outcome):
            return Verdict(taken.job, taken.index, number, "dead", outcome)
        case Again(_, attempt, delay_ms):
            return Verdict(taken.job, taken.index, number, "again", b"", attempt, delay_ms)
        case Back():
            return Verdict(taken.job, taken.index, number, "back")
