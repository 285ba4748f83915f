"""Classes of errors by name, out of four closed lists. Nothing is imported."""

import builtins

from lionherd_dist import errors, registry
from lionherd_dist.errors import RemoteError
from lionherd_dist.wire.standard import HTTP_ERROR, standard_class, standard_name

# StopIteration and StopAsyncIteration are left out: raised again in a coroutine, they are turned
# into a RuntimeError by Python itself, so they come back as a RemoteError instead.
_KNOWN: dict[str, type[Exception]] = {
    name: cls
    for module in (builtins, errors)
    for name, cls in vars(module).items()
    if isinstance(cls, type)
    and issubclass(cls, Exception)
    and not issubclass(cls, (StopIteration, StopAsyncIteration))
    and cls.__name__ == name  # IOError is OSError, under its old name
}
_MAX_BASES = 5  # of one error, on the wire
_KNOWN_CLASSES = frozenset(_KNOWN.values())


def reference(cls: type[Exception]) -> str | None:
    """What *cls* is called on the wire: ``KeyError``, ``socket.gaierror``, ``@name``; or None.

    ``@`` stands before the name that a class is registered under.
    """
    if cls in _KNOWN_CLASSES:
        return cls.__name__
    entry = registry.of_class(cls)
    return f"@{entry.name}" if entry is not None else standard_name(cls)


def bases(cls: type[Exception]) -> list[str]:
    """The names of the nearest classes above *cls* that have one, ``Exception`` itself left out.

    None for a builtin class or one of ours, which every process has, but for the RemoteError that
    has more bases.
    """
    if cls in _KNOWN_CLASSES:
        return []
    found: dict[str, type] = {}
    for base in cls.bases if issubclass(cls, RemoteError) else cls.__mro__[1:]:
        if base is Exception or any(issubclass(nearer, base) for nearer in found.values()):
            continue
        name = reference(base) if issubclass(base, Exception) else None
        if name is not None and name != HTTP_ERROR:  # which is a response, too
            found[name] = base
    return list(found)[:_MAX_BASES]


def find_all(names: list[object]) -> tuple[type[Exception], ...]:
    """The classes called *names* that this process knows, no more of them than any error has."""
    usable = [name for name in names[:_MAX_BASES] if type(name) is str and name != HTTP_ERROR]
    found = [find(name) for name in usable]
    return tuple(dict.fromkeys(cls for cls in found if cls is not None))


def find(name: str) -> type[Exception] | None:
    """The class that is called *name* on the wire; None if this process knows no such error."""
    if not name.startswith("@"):
        return _KNOWN.get(name) or standard_class(name)
    entry = registry.of_name(name[1:])
    return entry.cls if entry is not None and issubclass(entry.cls, Exception) else None


def qualified_name(cls: type) -> str:
    """``httpx.ReadTimeout``; the bare name of a builtin."""
    builtin = cls.__module__ == "builtins"
    return cls.__qualname__ if builtin else f"{cls.__module__}.{cls.__qualname__}"
