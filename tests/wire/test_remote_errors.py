"""``except`` means the same for an error that comes from a worker."""

import asyncio
import binascii
import concurrent.futures
import configparser
import contextlib
import decimal
import enum
import getopt
import http.client
import importlib
import io
import json
import pickle
import queue
import re
import shutil
import smtplib
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import tomllib
import traceback
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
import zipfile
import zlib
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from lionherd_dist.call import Failure
from lionherd_dist.errors import EncodeError, JobLostError, LeaseLost, RemoteError
from lionherd_dist.registry import sendable
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.messages import decode_outcome, encode_outcome
from lionherd_dist.wire.rebuilding import error_from
from lionherd_dist.wire.standard import standard_class


def there_and_back(error: Exception) -> Exception:
    outcome = decode_outcome(encode_outcome(Failure(error), worker="w", attempt=1))
    assert isinstance(outcome, Failure)
    del outcome.error.__notes__[-1]  # where it was raised
    return outcome.error


def caught(function: Callable[..., object], *args: object, **kwargs: object) -> Exception:
    try:
        function(*args, **kwargs)
    except Exception as error:
        return error
    raise AssertionError("no error to look at")


def held_by(error: Exception) -> dict[str, object]:
    return {name: value for name, value in vars(error).items() if name != "__notes__"}


NATIVE = (
    *("errno", "strerror", "filename", "filename2", "characters_written", "name", "path"),
    *("msg", "lineno", "offset", "text", "end_lineno", "encoding", "object", "start", "reason"),
)


# --- the standard library


@pytest.mark.parametrize(
    "error",
    [
        caught(json.loads, "{x"),
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        socket.herror(1, "Unknown host"),
        TimeoutError("timed out"),
        caught(sqlite3.connect(":memory:").execute, "no sql"),
        caught(subprocess.run, [sys.executable, "-c", "exit(3)"], check=True, capture_output=True),
        subprocess.TimeoutExpired(["sleep"], 3, b"out"),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
        caught(ssl.create_default_context().load_verify_locations, cadata="none"),
        urllib.error.URLError("unknown url type"),
        http.client.IncompleteRead(b"ab", 5),
        http.client.RemoteDisconnected("closed"),
        asyncio.IncompleteReadError(b"a", 3),
        asyncio.QueueEmpty(),
        concurrent.futures.CancelledError(),
        caught(zipfile.ZipFile, io.BytesIO(b"x")),
        caught(struct.unpack, "i", b""),
        caught(configparser.ConfigParser().get, "section", "option"),
        queue.Empty(),
        caught(binascii.unhexlify, "x"),
        decimal.DivisionByZero("no"),
        caught(zoneinfo.ZoneInfo, "No/Such"),
        caught(ET.fromstring, "<a"),
        caught(pickle.loads, b"x"),
        caught(zlib.decompress, b"x"),
        shutil.Error([("from", "to", "why")]),
        caught(getopt.getopt, ["-x"], ""),
        caught(io.BytesIO().fileno),
        caught(tomllib.loads, "x"),
        caught(re.compile, "("),
        smtplib.SMTPResponseException(550, b"no"),
        caught(compile, "x x", "file", "exec"),
        caught(importlib.import_module, "no_such_module"),
        caught(getattr, 5, "none"),
        caught(b"\xff".decode),
        caught("\xff".encode, "ascii"),
        caught(open, "/none/such"),
        BlockingIOError(11, "again", 7),
        JobLostError("j", 3, "why"),
        LeaseLost("l", 3, "why"),
    ],
    ids=lambda error: type(error).__qualname__,
)
def test_the_standard_librarys_errors_arrive_as_themselves(error: Exception) -> None:
    """Of their class, with their text, their args and every attribute."""
    arrived = there_and_back(error)
    assert type(arrived) is type(error)
    assert (str(arrived), arrived.args, held_by(arrived)) == (
        str(error),
        error.args,
        held_by(error),
    )
    for name in NATIVE:
        if not name.startswith("characters") or hasattr(error, name):
            assert getattr(arrived, name, None) == getattr(error, name, None)


def test_an_error_inside_of_an_error_arrives() -> None:
    """``isinstance(error.reason, TimeoutError)`` is how timeouts of urllib are told."""
    arrived = there_and_back(urllib.error.URLError(TimeoutError("slow")))
    assert isinstance(arrived, urllib.error.URLError)
    assert type(arrived.reason) is TimeoutError
    assert list(map(type, arrived.args)) == [TimeoutError]
    assert not arrived.__notes__


def test_an_http_error_arrives_with_its_status_and_headers() -> None:
    """It is a response, too, whose body is not read for it."""
    headers = http.client.parse_headers(io.BytesIO(b"Retry-After: 5\r\n\r\n"))
    error = urllib.error.HTTPError("http://x/", 503, "busy", headers, io.BytesIO(b"body"))
    arrived = there_and_back(error)
    assert isinstance(arrived, urllib.error.HTTPError)
    assert (arrived.code, arrived.reason, arrived.url) == (503, "busy", "http://x/")
    assert arrived.headers["retry-after"] == "5"
    assert arrived.read() == b""
    error.close()


# Prints the public errors of every module that are not in the table, and how many there are. In a
# process of its own, as it imports the whole library.
LOOK_AT_ALL = """
import importlib, pkgutil, sys
from lionherd_dist.wire.standard import standard_name

LEFT_OUT = {"antigravity", "this", "idlelib", "test", "turtledemo", "turtle", "lib2to3"}
LEFT_OUT |= {"distutils", "ensurepip", "venv"}
found = set()


def look_at(name):
    try:
        module = importlib.import_module(name)
    except Exception:  # of another platform
        return
    for one in list(vars(module).values()):
        if isinstance(one, type) and issubclass(one, Exception) and one.__name__[0] != "_":
            if one.__module__.partition(".")[0] in sys.stdlib_module_names - {"builtins"}:
                found.add(one)
    for inner in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not inner.name.startswith(("_", "test")):
            look_at(f"{name}.{inner.name}")


for root in sorted(sys.stdlib_module_names - LEFT_OUT):
    if root[0] != "_":
        look_at(root)
print([f"{cls.__module__}.{cls.__qualname__}" for cls in found if standard_name(cls) is None])
print(len(found))
"""


def test_every_public_error_of_the_standard_library_is_in_the_table() -> None:
    """Of the Python that runs this."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOOK_AT_ALL],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    missing, count = done.stdout.splitlines()[-2:]
    assert missing == "[]"
    assert int(count) > 200


def test_a_message_cannot_make_a_module_be_imported() -> None:
    """A class of the table is one that this process has, or none."""
    code = (
        "import sys; from lionherd_dist.wire.rebuilding import error_from; "
        "record = {'class': 'sqlite3.OperationalError', 'type': 't', 'bases': ['OSError']}; "
        "error = error_from(record, worker='', attempt=1); "
        "assert 'sqlite3' not in sys.modules; assert isinstance(error, OSError); print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "t\n"
    assert standard_class("os.system") is None


# --- classes that are not known where they arrive


class CodedError(ValueError):
    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.connection = object()


class DiskError(OSError):
    pass


class BothError(ValueError, OSError):
    pass


class BytesError(UnicodeDecodeError):
    pass


class GrammarError(SyntaxError):
    pass


class PluginError(ImportError):
    pass


class LacksError(AttributeError):
    pass


class MissingError(KeyError):
    pass


class JsonError(json.JSONDecodeError):
    pass


class OwnEncodeError(EncodeError):
    pass


@sendable
class AppError(Exception):
    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class SubAppError(AppError):
    pass


class EndError(StopIteration):
    pass


class JustError(Exception):
    pass


unknown = pytest.mark.parametrize(
    "error",
    [
        CodedError(5),
        DiskError(28, "No space left", "/x"),
        BothError("both"),
        BytesError("utf-8", b"\xff", 0, 1, "bad"),
        GrammarError("bad", ("file", 1, 2, "text")),
        PluginError("none", name="plugin", path="/p"),
        LacksError("none", name="attr"),
        MissingError("key"),
        JsonError("bad", "doc", 2),
        OwnEncodeError("bad"),
        SubAppError("bad", 7),
        JustError("bad"),
    ],
    ids=lambda error: type(error).__name__,
)


@unknown
def test_except_catches_an_unknown_error_by_every_class_above_it(error: Exception) -> None:
    """By the builtin ones, ours, those of the standard library, and registered ones."""
    arrived = there_and_back(error)
    assert isinstance(arrived, RemoteError)
    for base in type(error).__mro__[1:]:
        assert isinstance(arrived, base)
    assert arrived.type_name == f"{__name__}.{type(error).__name__}"
    assert arrived.message == str(error)
    for name in NATIVE:
        if name not in {"msg", "characters_written"}:
            assert getattr(arrived, name, None) == getattr(error, name, None)


@unknown
def test_it_is_shown_as_a_remote_error(error: Exception) -> None:
    """Whatever is above it prints itself as."""
    arrived = there_and_back(error)
    text = f"{__name__}.{type(error).__name__}: {error}"
    assert type(arrived).__name__ == "RemoteError"
    assert str(arrived) == text
    assert repr(arrived) == f"RemoteError({text!r})"
    printed = "".join(traceback.format_exception(arrived))
    assert f"lionherd_dist.errors.RemoteError: {text}" in printed


@unknown
def test_it_travels_on_and_is_pickled_as_what_it_is(error: Exception) -> None:
    """From a task's own cluster, and to a process of multiprocessing."""
    arrived = there_and_back(error)
    for again in (there_and_back(arrived), pickle.loads(pickle.dumps(arrived))):
        assert type(again) is type(arrived)
        assert (str(again), vars(again)) == (str(arrived), vars(arrived))
        assert getattr(again, "errno", None) == getattr(arrived, "errno", None)


def test_it_has_the_attributes_that_can_be_sent() -> None:
    """So that a handler finds the code that it looks for; what cannot be sent is not there."""
    arrived = there_and_back(CodedError(5))
    assert arrived.code == 5  # type: ignore[attr-defined]  # see above
    assert not hasattr(arrived, "connection")


def test_what_ends_an_iteration_is_never_above_it() -> None:
    """Raised in a coroutine, Python would turn it into something else."""
    arrived = there_and_back(EndError(5))
    assert type(arrived) is RemoteError


def test_layouts_that_exclude_each_other_give_the_next_class_above() -> None:
    """Python cannot have one class of all; a message may ask for it."""
    record = {"type": "t", "bases": ["OSError", "UnicodeDecodeError", "ImportError"]}
    error = error_from(record, worker="", attempt=1)
    assert isinstance(error, OSError)
    assert isinstance(error, ValueError)
    assert not isinstance(error, UnicodeDecodeError)


@pytest.mark.parametrize(
    "name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException", "object", "@"]
)
def test_no_message_chooses_a_class_that_ends_the_program(name: str) -> None:
    """They are no errors, and not in any list."""
    error = error_from({"type": "t", "bases": [name]}, worker="", attempt=1)
    assert type(error) is RemoteError


def test_attributes_of_every_error_are_not_a_messages_to_choose() -> None:
    """A cause, notes that are none, a method that is a number."""
    state = {"__cause__": 1, "__notes__": 5, "add_note": 5, "with_traceback": 5, "args": 5, "x": 1}
    for cls in ("KeyError", "none"):
        error = error_from({"class": cls, "type": "t", "state": state}, worker="", attempt=1)
        assert held_by(error).keys() - {"type_name", "message"} == {"x"}
        error.add_note("still")


def test_the_parts_of_a_unicode_error_are_checked_as_its_constructor_does() -> None:
    """Python reads memory by them."""
    parts = {"encoding": "utf-8", "object": 5, "start": 10**6, "end": 10**6 + 1, "reason": "r"}
    for record in ({"class": "UnicodeDecodeError", "args": []}, {"bases": ["UnicodeDecodeError"]}):
        error = error_from({"type": "t", "state": parts, **record}, worker="", attempt=1)
        assert isinstance(error, UnicodeDecodeError)
        assert not isinstance(getattr(error, "object", b""), int)
        assert isinstance(str(error), str)


def test_the_smallest_record_still_says_what_is_above_it() -> None:
    """Whatever had to be cut."""
    error = DiskError(28, "x" * 10**5)
    limits = Limits(max_bytes=4096)
    payload = encode_outcome(Failure(error), worker="w", attempt=1, limits=limits)
    outcome = decode_outcome(payload, limits)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, OSError)


# --- arguments and attributes


@sendable
class Reason(enum.Enum):
    FULL = 1


class PrivateReason(enum.Enum):
    FULL = 1


def test_an_enum_that_is_registered_arrives_in_an_error() -> None:
    """As an argument and as an attribute; one that is not says that it is text now."""
    error = ValueError(Reason.FULL)
    error.reason = Reason.FULL  # type: ignore[attr-defined]  # as users do
    arrived = there_and_back(error)
    assert arrived.args == (Reason.FULL,)
    assert arrived.reason is Reason.FULL  # type: ignore[attr-defined]  # see above
    arrived = there_and_back(ValueError(PrivateReason.FULL))
    assert arrived.args == ("<PrivateReason.FULL: 1>",)
    (note,) = arrived.__notes__
    assert note.startswith("args[0]: ")
    assert note.endswith("It arrives as text")


@sendable
@dataclass
class CountedError(Exception):
    count: int
    seen: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.count *= 2
        self.seen.append(1)


@sendable
class ConvertedError(Exception):
    def __init__(self, code: int, connection: object) -> None:
        super().__init__(code)
        self.code, self.connection = code, connection


class PairedError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code, self.lock = code, object()


def code_of(error: PairedError) -> object:
    return error.code if error.code >= 0 else object()


sendable(PairedError, to=code_of, frm=PairedError)


@sendable
class NamedGroup(ExceptionGroup):
    code: int


class SubGroup(NamedGroup):
    pass


def test_a_registered_error_arrives_as_it_was() -> None:
    """A dataclass is not constructed again, and what cannot be sent says so."""
    counted = there_and_back(CountedError(4))
    assert isinstance(counted, CountedError)
    assert (counted.count, counted.seen, counted.args) == (8, [1], (4,))
    converted = there_and_back(ConvertedError(3, object()))
    assert isinstance(converted, ConvertedError)
    assert converted.code == 3
    (note,) = converted.__notes__
    assert note.startswith(".connection: object cannot be sent")


def test_an_error_travels_by_a_way_there_and_back_of_its_own() -> None:
    """Where to= fails or gives what cannot be sent, the error is a RemoteError."""
    arrived = there_and_back(PairedError(3))
    assert isinstance(arrived, PairedError)
    assert (arrived.code, str(arrived)) == (3, "code 3")
    lost = there_and_back(PairedError(-1))
    assert isinstance(lost, RemoteError)
    assert lost.message == "code -1"


def test_a_group_arrives_with_its_attributes_or_as_the_nearest_group() -> None:
    """``except*`` and ``except NamedGroup`` work."""
    group = NamedGroup("named", [KeyError(1)])
    group.code = 5
    arrived = there_and_back(group)
    assert isinstance(arrived, NamedGroup)
    assert arrived.code == 5
    assert type(there_and_back(SubGroup("sub", [KeyError(1)]))) is NamedGroup


def test_what_a_rebuilt_error_does_not_take_is_a_remote_error() -> None:
    """Never something that breaks the one who reads it."""
    name = f"@{__name__}:PairedError"
    for record in ({"state": {}}, {"state": {"<to>": []}}, {"args": [1]}):
        error = error_from({"class": name, "type": "t", **record}, worker="", attempt=1)
        with contextlib.suppress(AttributeError):
            assert error.code == []  # type: ignore[attr-defined]  # frm= took it
        assert isinstance(error, RemoteError | PairedError)
