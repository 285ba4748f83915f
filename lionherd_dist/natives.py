"""What exceptions hold of their own: read from one, and put into another without a constructor.

Builtin exceptions keep some attributes beside their ``__dict__``, where ``vars`` does not see them.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from types import MemberDescriptorType
from typing import TypeVar

E = TypeVar("E", bound=Exception)

_UNICODE = ("encoding", "object", "start", "end", "reason")
_NATIVE: tuple[tuple[type[Exception], tuple[str, ...]], ...] = (
    (OSError, ("errno", "strerror", "filename", "filename2", "characters_written")),
    (ImportError, ("msg", "name", "path")),
    (AttributeError, ("name",)),
    (NameError, ("name",)),
    (SyntaxError, ("msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset")),
    (UnicodeDecodeError, _UNICODE),
    (UnicodeEncodeError, _UNICODE),
    (UnicodeTranslateError, _UNICODE[1:]),
)


def builtin_base(cls: type[Exception]) -> type[Exception]:
    """The builtin class whose memory layout *cls* has; *cls* itself if it is builtin."""
    base: type = cls
    while base.__module__ != "builtins" and base.__base__ is not None:
        base = base.__base__
    return base


def native_attributes(error: Exception) -> dict[str, object]:
    """What *error* holds beside its ``__dict__``: attributes of builtin classes, slots; no None."""
    natives = _natives_of((type(error),))
    if not natives:
        return {}
    held = {name: getattr(error, name, None) for name in natives}
    return {name: value for name, value in held.items() if value is not None}


def attributes_of(error: Exception) -> dict[str, object]:
    """Everything that *error* holds besides its args, its notes and its traceback."""
    held = native_attributes(error) | vars(error)
    held.pop("__notes__", None)
    return held


def blank(cls: type[E], args: tuple[object, ...]) -> E:
    """An instance of *cls* that holds *args*; no constructor but that of a builtin class runs."""
    native = builtin_base(cls)
    error: E = native.__new__(cls, *args)
    with suppress(TypeError, ValueError):  # args are not always what the builtin class would take
        native.__init__(error, *args)
    if not isinstance(error, OSError):  # which leaves the names of files out of its args
        error.args = args
    return error


def note_on(error: BaseException, note: str) -> None:
    """Add *note* to *error*, unless its class, or what it was given as its notes, will not have it.

    Not by its own ``add_note``, which may be anything: a note is never worth another error.
    """
    with suppress(Exception):
        BaseException.add_note(error, note)


def put_attributes(error: Exception, attributes: Mapping[str, object]) -> None:
    """Give *error* these *attributes*, whatever its class would do about it.

    Those that every exception has are left out: a message must not choose a ``__cause__``.
    """
    if not attributes:
        return
    natives, own = _natives_of((type(error),)), vars(error)
    left_out: tuple[str, ...] = ()
    if isinstance(error, UnicodeError):
        _put_unicode(error, attributes)
        natives, left_out = (), _UNICODE
    for name, value in attributes.items():
        if name in natives and value is None:
            object.__delattr__(error, name)  # OSError prints a None that was set
        elif name in natives:
            if not isinstance(error, SyntaxError) or _fits_syntax_error(name, value):
                object.__setattr__(error, name, value)
        elif not (hasattr(Exception, name) or name == "__notes__" or name in left_out):
            own[name] = value


def _fits_syntax_error(name: str, value: object) -> bool:
    """Python prints these by itself, and fails where they are anything else."""
    if name in {"msg", "filename", "text"}:
        return isinstance(value, str)
    return type(value) is int and abs(value) < 2**31


@lru_cache(maxsize=256)  # messages choose the bases
def with_bases(root: type[E], bases: tuple[type[Exception], ...]) -> type[E]:
    """A class under the name of *root* that is a subclass of it and, as far as may be, of *bases*.

    Where Python cannot have one class of these, the next class above takes the place of a base. The
    attribute ``bases`` says which there are.
    """
    cls: type[E] = root
    mixed: tuple[type, ...] = ()
    for base in bases:
        for nearest in base.__mro__:
            if issubclass(cls, nearest):
                break  # nothing above this class is new
            found = _mixed(root, (*mixed, nearest))
            if found is not None:
                cls, mixed = found, (*mixed, nearest)
                break
    return cls


# A coroutine that raises the first two ends in RuntimeError; a group cannot be without exceptions.
_NO_BASES = (StopIteration, StopAsyncIteration, BaseExceptionGroup)


def _mixed(root: type[E], bases: tuple[type, ...]) -> type[E] | None:
    if any(not issubclass(base, Exception) or issubclass(base, _NO_BASES) for base in bases):
        return None
    names = {"__module__": root.__module__, "__doc__": root.__doc__, "bases": bases}
    try:
        return type(root.__name__, (root, *bases), names)
    except Exception:  # noqa: BLE001 (layouts that exclude each other; __init_subclass__ of a user)
        return None


def has_natives(cls: type[Exception]) -> bool:
    """True if instances of *cls* hold anything beside their ``__dict__``."""
    return bool(_natives_of((cls,)))


@lru_cache(maxsize=256)
def _natives_of(only: tuple[type[Exception]]) -> tuple[str, ...]:  # in a tuple for the cache's type
    cls = only[0]
    names = [name for base, names in _NATIVE if issubclass(cls, base) for name in names]
    for base in cls.__mro__:
        if base.__module__ != "builtins":
            names += [name for name, one in vars(base).items() if type(one) is MemberDescriptorType]
    return tuple(names)


def _put_unicode(error: UnicodeError, attributes: Mapping[str, object]) -> None:
    """By their constructor, which checks types: others, set one by one, can crash Python."""
    for cls, names in _NATIVE:
        if isinstance(error, cls) and issubclass(cls, UnicodeError):
            args = error.args
            with suppress(KeyError, TypeError):
                cls.__init__(error, *[attributes[name] for name in names])
            error.args = args
