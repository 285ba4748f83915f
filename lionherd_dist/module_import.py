"""The import of a module by a worker, and an error of it told in the user's terms."""

import asyncio
import contextlib
import importlib
import os
import sys
import traceback
import zipimport
from importlib.machinery import ModuleSpec, SourceFileLoader, SourcelessFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import cast

import anyio

from lionherd_dist.errors import first_of
from lionherd_dist.module_source import ModuleSource, is_same_file

# Frames that say nothing about the module that failed.
_MACHINERY = (
    "<frozen importlib",
    str(importlib.__file__),
    str(contextlib.__file__),
    str(Path(__file__).parent) + os.sep,
    str(Path(asyncio.__file__).parent) + os.sep,
    str(Path(anyio.__file__).parent) + os.sep,
)


def import_source(source: ModuleSource) -> ModuleType:
    """The module *source*, by its name where that leads to the same file, else by its file."""
    name, file = source.name, source.file
    if file is None:
        return importlib.import_module(name)
    loaded = sys.modules.get(name)
    if loaded is not None and is_same_file(getattr(loaded, "__file__", None), file):
        return loaded
    _make_importable(name, file)
    return importlib.import_module(name) if _is_found(name, file) else _load(name, Path(file))


def _make_importable(name: str, file: str) -> None:
    """Add the directory that *name* is found in, if *file* is called so, to the end of the path."""
    path = Path(file)
    parents = (path.parent if path.name == "__init__.py" else path).parents
    depth = name.count(".")
    if depth < len(parents) and str(parents[depth]) not in sys.path:
        sys.path.append(str(parents[depth]))


def _is_found(name: str, file: str) -> bool:
    try:
        spec = find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        return False  # no such package
    except ValueError:  # another module of this name was made by hand
        return False
    return spec is not None and is_same_file(spec.origin, file)


def _load(name: str, file: Path) -> ModuleType:
    """The module in *file*, under *name*, which another module may have already."""
    if file.is_file():
        kind = SourcelessFileLoader if file.suffix == ".pyc" else SourceFileLoader
        loader = kind(name, str(file))
        spec = spec_from_file_location(name, file, loader=loader)
        module = module_from_spec(cast("ModuleSpec", spec))  # None is for a file without a loader
        sys.modules.setdefault(name, module)
        try:
            loader.exec_module(module)
        except BaseException:
            if sys.modules.get(name) is module:
                del sys.modules[name]
            raise
        return module
    code = zipimport.zipimporter(str(file.parent)).get_code(file.stem)
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules.setdefault(name, module)
    exec(code, module.__dict__)  # noqa: S102 (the user's own program)
    return module


def import_error(name: str, error: BaseException) -> str:
    """Why module *name* could not be imported: the user's own line and error, not our stack."""
    error = first_of(error)
    if isinstance(error, SyntaxError) and error.filename:
        where = f" ({error.filename}, line {error.lineno})"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(_MACHINERY)]
        where = f" ({own[-1].filename}, line {own[-1].lineno}: {own[-1].line})" if own else ""
    lines = traceback.format_exception_only(error)
    what = next(line for line in lines if not line.startswith(" ")).strip()
    if "\n" in what:
        return f"module {name!r} cannot be imported{where}:\n{what}"
    return f"module {name!r} cannot be imported: {what}{where}"
