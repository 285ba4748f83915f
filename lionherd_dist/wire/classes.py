"""Classes of errors by name: builtin ones, our own, and registered ones. Nothing is imported."""

import builtins

from lionherd_dist import errors, registry

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
_KNOWN_CLASSES = frozenset(_KNOWN.values())


def reference(cls: type[Exception]) -> str | None:
    """What *cls* is called on the wire: ``KeyError``, or ``@name`` if registered; else None."""
    if cls in _KNOWN_CLASSES:
        return cls.__name__
    entry = registry.of_class(cls)
    return f"@{entry.name}" if entry is not None else None


def find(name: str) -> type[Exception] | None:
    """The class that is called *name* on the wire; None if this process knows no such error."""
    if not name.startswith("@"):
        return _KNOWN.get(name)
    entry = registry.of_name(name[1:])
    return entry.cls if entry is not None and issubclass(entry.cls, Exception) else None


def qualified_name(cls: type) -> str:
    """``httpx.ReadTimeout``; the bare name of a builtin."""
    builtin = cls.__module__ == "builtins"
    return cls.__qualname__ if builtin else f"{cls.__module__}.{cls.__qualname__}"
