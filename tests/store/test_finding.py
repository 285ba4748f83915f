"""Which node is connected to, by what sentinels and nodes of a cluster say. No I/O."""

from collections.abc import Callable

import pytest

from lionherd_dist.address import Node
from lionherd_dist.errors import StoreRefusedError, StoreUnavailableError
from lionherd_dist.store.finding import Finder, Question
from lionherd_dist.url import parse

SILENT = StoreUnavailableError("silent")
STRANGER = StoreRefusedError("who are you")
HERE = [b"10.0.0.1", b"6379"]


def outcome(finder: Finder, answer_to: Callable[[Question], object]) -> Node | None:
    """The node that a search ends with when each question is answered so."""
    search = finder.search()
    answer: object = None
    while True:
        try:
            question = search.send(answer)
        except StopIteration as end:
            return end.value
        answer = answer_to(question)


def by_host(**answers: object) -> Callable[[Question], object]:
    return lambda question: answers[question.node.host]


def test_one_server_is_where_the_url_says() -> None:
    """Nobody is asked."""
    assert outcome(Finder(parse("redis://h:1"), None), by_host()) == Node("h", 1)
    assert outcome(Finder(parse("unix:///run/s"), None), by_host()) is None


def sentinels() -> Finder:
    return Finder(parse("redis+sentinel://u:p@a,b,c/lion/1"), None)


@pytest.mark.parametrize("first", [SILENT, STRANGER, None, [b"odd"]], ids=str)
def test_the_first_sentinel_that_knows_the_master_is_believed(first: object) -> None:
    """The others are not asked."""
    assert outcome(sentinels(), by_host(a=first, b=HERE)) == Node("10.0.0.1", 6379)


def test_sentinels_take_turns() -> None:
    """One that names a master which is none is not the first to be asked the next time."""
    finder = sentinels()
    asked: list[str] = []

    def answer(question: Question) -> object:
        asked.append(question.node.host)
        return HERE

    for _ in range(4):
        outcome(finder, answer)
    assert asked == ["a", "b", "c", "a"]


def test_a_sentinel_is_told_the_login_only_if_it_wants_one() -> None:
    """Many have none, and answer an error to who logs in."""
    asked: list[tuple[bool, int]] = []

    def answer(question: Question) -> object:
        asked.append((bool(question.address.login), question.address.database))
        return HERE if question.address.login else STRANGER

    assert outcome(sentinels(), answer) == Node("10.0.0.1", 6379)
    assert asked == [(False, 0), (True, 0)]


def test_silent_sentinels_are_asked_again_and_ignorant_ones_are_an_error() -> None:
    """A master whose name is mistyped is told at once."""
    with pytest.raises(StoreRefusedError, match=r"a:26379 knows no master named 'lion'"):
        outcome(sentinels(), by_host(a=None, b=None, c=None))
    with pytest.raises(StoreUnavailableError, match="silent"):
        outcome(sentinels(), by_host(a=None, b=SILENT, c=None))


# --- a cluster


def members(namespace: str = "x") -> Finder:
    return Finder(parse("redis+cluster://a:1,b:2"), namespace)


def slots(*owners: object) -> list[object]:
    """A reply in which each of *owners* has an equal part of the slots."""
    size = 16_384 // len(owners)
    return [
        [number * size, (number + 1) * size - 1, owner, [b"replica", 9, b"id"]]
        for number, owner in enumerate(owners)
    ]


def test_the_owner_of_the_namespaces_slot_is_found() -> None:
    """The tag {x} has slot 16287, {hello} 866: by CRC16, as the cluster's specification says."""
    reply = slots([b"low", 1, b"id"], [b"high", 2, b"id"])
    assert outcome(members("x"), by_host(a=reply)) == Node("high", 2)
    assert outcome(members("hello"), by_host(a=reply)) == Node("low", 1)


@pytest.mark.parametrize("host", [b"", None])
def test_a_member_that_does_not_know_its_own_host_is_where_it_was_asked(host: object) -> None:
    """A cluster says so by an empty or a missing host."""
    assert outcome(members(), by_host(a=slots([host, 7, b"id"]))) == Node("a", 7)


def test_a_slot_without_an_owner_is_waited_for() -> None:
    """As while a cluster is being made."""
    with pytest.raises(StoreUnavailableError, match="a:1 knows no owner of slot"):
        outcome(members(), by_host(a=[], b=[]))


def test_members_that_came_later_are_asked_when_those_of_the_url_have_gone() -> None:
    """A cluster may replace its nodes one by one while a worker runs."""
    finder = members()
    first = slots([b"new", 3, b"id"])
    assert outcome(finder, by_host(a=first)) == Node("new", 3)
    second = slots([b"newer", 4, b"id"])
    answers = by_host(a=SILENT, b=SILENT, new=SILENT, replica=second)
    assert outcome(finder, answers) == Node("newer", 4)
    assert outcome(finder, by_host(newer=second, a=SILENT, b=SILENT, replica=SILENT)) is not None


def test_a_server_that_is_no_member_is_told_at_once() -> None:
    """It would say the same again."""
    alone = StoreRefusedError("This instance has cluster support disabled")
    with pytest.raises(StoreRefusedError, match="cluster support disabled"):
        outcome(members(), by_host(a=alone, b=alone))


def test_a_connection_to_a_cluster_names_its_namespace() -> None:
    """Without one there is no slot, and no node."""
    with pytest.raises(ValueError, match="namespace"):
        Finder(parse("redis+cluster://a"), None)
