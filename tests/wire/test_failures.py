"""An exception arrives as what it was, where that is allowed, and always as something."""

import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from lionherd_dist.call import Failure
from lionherd_dist.errors import DecodeError, PayloadTooLargeError, RemoteError, UnknownTaskError
from lionherd_dist.registry import sendable
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.messages import decode_outcome, encode_outcome
from lionherd_dist.wire.rebuilding import error_from

SMALLEST = Limits(max_bytes=4096)


def there_and_back(error: Exception, limits: Limits = Limits()) -> Exception:  # noqa: B008 (frozen)
    payload = encode_outcome(Failure(error), worker="w7", attempt=2, limits=limits)
    assert len(payload) <= limits.max_bytes
    outcome = decode_outcome(payload, limits)
    assert isinstance(outcome, Failure)
    return outcome.error


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


@sendable
class QuotaError(Exception):
    """Passes on something else than it takes, as many do."""

    def __init__(self, limit: int, *, unit: str = "calls") -> None:
        super().__init__(f"more than {limit} {unit}")
        self.limit, self.unit = limit, unit


def raised_with_state(limit: int) -> QuotaError:
    error = QuotaError(5)
    error.limit = limit
    return error


@sendable
class TwoWordsError(Exception):
    """Cannot be made from its own args."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")
        self.two = two


@sendable
@dataclass
class RefusedError(Exception):
    status: int
    reason: str = "none"


@sendable
class CrewError(ExceptionGroup):
    pass


@sendable(name="tests.NoError")
@dataclass
class NoErrorAtAll:
    status: int = 0


class UnknownHereError(Exception):
    pass


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I will not say")

    __repr__ = __str__


@pytest.mark.parametrize(
    "error",
    [
        KeyError(5),
        ValueError("no", (1, {"x": 2}), None),
        ConnectionResetError("cut"),
        OSError(2, "No such file"),
        FileNotFoundError(2, "No such file", "/etc/none"),
        PermissionError(13, "no", "/a", None, "/b"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        ZeroDivisionError(),
        TimeoutError(),
        UnknownTaskError("nobody has tasks:fetch"),
        RemoteError("httpx.ReadTimeout", "too slow"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_builtin_errors_and_our_own_arrive_as_themselves(error: Exception) -> None:
    """So that ``except KeyError`` works as it does in one process."""
    arrived = there_and_back(raised(error))
    assert type(arrived) is type(error)
    assert arrived.args == error.args
    assert str(arrived) == str(error)


def test_an_os_error_keeps_its_number_and_files() -> None:
    """They are attributes, not arguments."""
    arrived = there_and_back(PermissionError(13, "no", "/a", None, "/b"))
    assert isinstance(arrived, PermissionError)
    assert (arrived.errno, arrived.filename, arrived.filename2) == (13, "/a", "/b")


def test_registered_errors_arrive_with_their_attributes() -> None:
    """Also those whose constructor takes something else than it passes on."""
    quota = there_and_back(QuotaError(5, unit="bytes"))
    assert isinstance(quota, QuotaError)
    assert (quota.args, quota.limit, quota.unit) == (("more than 5 bytes",), 5, "bytes")
    words = there_and_back(TwoWordsError("a", "b"))
    assert isinstance(words, TwoWordsError)
    assert (words.args, words.two) == (("a b",), "b")
    refused = there_and_back(RefusedError(404, reason="gone"))
    assert isinstance(refused, RefusedError)
    assert refused == RefusedError(404, "gone")


def test_an_unregistered_error_arrives_as_a_remote_error() -> None:
    """With its name and its text."""
    arrived = there_and_back(UnknownHereError("oh"))
    assert isinstance(arrived, RemoteError)
    assert arrived.type_name == f"{__name__}.UnknownHereError"
    assert arrived.message == "oh"


@pytest.mark.parametrize("cls", [StopIteration, StopAsyncIteration])
def test_what_ends_an_iteration_does_not_end_the_clients_loop(cls: type[Exception]) -> None:
    """Raised in a coroutine, Python would turn it into something else."""
    assert isinstance(there_and_back(cls(1)), RemoteError)


def test_arguments_that_cannot_be_sent_arrive_as_text() -> None:
    """The class is what a program looks at; the argument is for people."""
    arrived = there_and_back(ValueError(object(), [object()], "ok"))
    assert isinstance(arrived, ValueError)
    assert arrived.args[0].startswith("<object object at")
    assert arrived.args[2] == "ok"
    first, second, _ = arrived.__notes__
    assert first.startswith("args[0]: object cannot be sent")
    assert first.endswith("It arrives as text")
    assert second.startswith("args[1][0]: object cannot be sent")


def test_an_error_that_cannot_describe_itself_arrives_all_the_same() -> None:
    """Code of the user runs while it is described, and may raise."""
    arrived = there_and_back(raised(SilentError(SilentError())))
    assert isinstance(arrived, RemoteError)
    assert arrived.message == f"<{__name__}.SilentError without a text>"


def test_the_note_says_where_it_was_raised_and_by_what() -> None:
    """Worker, attempt, and the whole traceback with its causes."""
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        arrived = there_and_back(error)
    (note,) = arrived.__notes__
    assert note.startswith("Raised on worker w7, attempt 2:\n")
    assert "KeyError: 'inner'" in note
    assert "direct cause" in note
    assert "test_the_note_says_where" in note
    assert note in "".join(traceback.format_exception(arrived))


def test_notes_are_kept_and_not_said_twice() -> None:
    """They come first; the traceback is without them."""
    error = raised(ValueError("x"))
    error.add_note("while reading row 7")
    first, place = there_and_back(error).__notes__
    assert first == "while reading row 7"
    assert "row 7" not in place


def test_an_error_can_travel_on() -> None:
    """A task that called another cluster hands its error up."""
    twice = there_and_back(there_and_back(raised(KeyError(1))))
    assert isinstance(twice, KeyError)
    assert len(twice.__notes__) == 2


def test_a_group_arrives_with_its_children() -> None:
    """So that ``except*`` works."""
    group = ExceptionGroup("two", [KeyError(1), ExceptionGroup("one", [QuotaError(2)])])
    arrived = there_and_back(group)
    assert type(arrived) is ExceptionGroup
    assert arrived.message == "two"
    key, inner = arrived.exceptions
    assert isinstance(key, KeyError)
    assert isinstance(inner, ExceptionGroup)
    assert isinstance(inner.exceptions[0], QuotaError)
    assert type(there_and_back(CrewError("crew", [KeyError(1)]))) is CrewError


def test_large_and_deep_groups_are_cut_and_say_so() -> None:
    """A group of a million is one message."""
    many = there_and_back(ExceptionGroup("many", [KeyError(n) for n in range(1000)]))
    assert isinstance(many, ExceptionGroup)
    assert len(many.exceptions) == 100
    assert "900 of its exceptions are left out" in many.__notes__
    deep: Exception = KeyError("bottom")
    for _ in range(20):
        deep = ExceptionGroup("level", [deep])
    level, depth = there_and_back(deep), 1
    while isinstance(level, ExceptionGroup):
        level, depth = level.exceptions[0], depth + 1
    assert depth == 5
    assert isinstance(level, RemoteError)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ValueError("x" * 10**7),
        lambda: ValueError("€" * 10**6),
        lambda: ValueError(b"x" * 10**6),
        lambda: ValueError(*range(200_000)),
        lambda: ValueError("\ud800" * 10_000),
        lambda: raised_with_state(10**20_000),
        lambda: ExceptionGroup("g" * 10**6, [ValueError("x" * 10**5) for _ in range(500)]),
        lambda: type("N" * 10_000, (Exception,), {})("x" * 10_000),
    ],
)
@pytest.mark.parametrize("limits", [Limits(), SMALLEST, Limits(max_items=16, max_depth=8)])
def test_a_failure_always_fits(make: Callable[[], Exception], limits: Limits) -> None:
    """It is shortened until it does: a call that failed must be finished."""
    error = raised(make())
    error.add_note("n" * 100_000)
    assert isinstance(there_and_back(error, limits), Exception)


def test_a_long_message_keeps_its_head_and_its_tail() -> None:
    """The beginning says what, the end says where."""
    arrived = there_and_back(UnknownHereError("head" + "x" * 10**6 + "tail"))
    assert isinstance(arrived, RemoteError)
    assert arrived.message.startswith("head")
    assert arrived.message.endswith("tail")
    assert len(arrived.message) <= 4096


def test_errors_about_errors_travel_too() -> None:
    """What a worker sends when a result cannot be sent."""
    error = PayloadTooLargeError("result: 5 bytes")
    assert type(there_and_back(error)) is PayloadTooLargeError


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "KeyError",
        {"class": 5},
        {"class": "KeyError", "args": "x"},
        {"class": "KeyError", "args": (1,)},
        {"class": "KeyError", "notes": [5]},
        {"class": "KeyError", "notes": "x"},
        {"class": "KeyError", "state": {5: 1}},
        {"class": "KeyError", "state": []},
        {"children": [5]},
        {"message": b"x"},
        {"traceback": 5},
        {"bases": "OSError"},
        {"errors": [5]},
        {"errors": [[0, {}]], "args": []},
        {"errors": [["x", {}]], "state": {}},
        {"errors": [[0, 5]], "args": ["x"]},
        {"class": "KeyError", "args": [""], "errors": [[0, {"bases": 5}]]},
        {"children": [{"children": [{"children": [{"children": [{"children": [{}]}]}]}]}]},
    ],
    ids=repr,
)
def test_records_of_another_shape_are_refused(record: object) -> None:
    """Only what a worker of ours writes becomes an exception."""
    with pytest.raises(DecodeError):
        error_from(record, worker="w", attempt=1)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "@os:system",
        "@",
        "@tests.NoError",
        "SystemExit",
        "KeyboardInterrupt",
        "object",
        "eval",
        "os.error",
        "antigravity.Error",
        "socket.socket",
        "imaplib.IMAP4",
        "subprocess.run",
    ],
)
def test_names_outside_the_allow_list_are_only_text(name: str) -> None:
    """No import, no lookup in modules, and nothing that is not an Exception."""
    record = {"class": name, "type": name, "message": "m", "args": ["id"]}
    error = error_from(record, worker="w", attempt=1)
    assert isinstance(error, RemoteError)
    assert error.type_name == name


plain = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=5), st.binary(max_size=5)),
    lambda inner: st.lists(inner, max_size=3),
)
class_names = st.one_of(
    st.sampled_from(
        [
            "KeyError",
            "OSError",
            "UnicodeDecodeError",
            "ExceptionGroup",
            "SyntaxError",
            "ImportError",
            "RemoteError",
            "urllib.error.HTTPError",
            "json.decoder.JSONDecodeError",
            "subprocess.CalledProcessError",
        ]
        + [f"@{__name__}:{cls.__name__}" for cls in (QuotaError, RefusedError, CrewError)]
    ),
    st.text(max_size=5),
)
attribute_names = st.text(max_size=5) | st.sampled_from(
    [
        *("errno", "filename", "characters_written", "lineno", "text", "msg", "object", "start"),
        *("args", "__notes__", "__cause__", "__class__", "__dict__", "add_note", "type_name"),
        "<to>",
    ]
)
records = st.recursive(
    st.fixed_dictionaries(
        {"class": class_names},
        optional={
            "type": st.text(),
            "args": st.lists(plain, max_size=6),
            "state": st.dictionaries(attribute_names, plain, max_size=3),
            "notes": st.lists(st.text(), max_size=2),
            "bases": st.lists(class_names, max_size=7),
            "errors": st.lists(
                st.tuples(
                    st.integers(-1, 2) | st.text(max_size=3),
                    st.fixed_dictionaries({"class": class_names, "bases": st.lists(class_names)}),
                ).map(list),
                max_size=2,
            ),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {"class": class_names, "children": st.lists(inner, max_size=3)}
    ),
    max_leaves=5,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(records, plain))
def test_any_record_is_an_error_or_a_decode_error(record: object) -> None:
    """Whatever arguments a constructor is given."""
    with suppress(DecodeError):
        error = error_from(record, worker="w", attempt=1)
        assert isinstance(error, Exception)
        with suppress(Exception):  # an attribute that is no text, and was to be one
            assert str(error) is not None
        assert error.__cause__ is None
        pickle.dumps(error.__notes__)
