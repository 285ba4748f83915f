"""The user's own modules: imported from the current directory, and errors told in their terms."""

import inspect
import sys
from pathlib import Path
from types import ModuleType

from lionherd_dist.cli.complaints import UsageProblemError
from lionherd_dist.module_import import import_error, import_source
from lionherd_dist.module_source import source_of
from lionherd_dist.task import Task, tasks_of
from lionherd_dist.worker_guard import importing


def import_here(name: str) -> ModuleType:
    """The module *name*, found as ``python -m`` finds it: in the current directory first.

    A path of a file, such as ``jobs/fetch.py``, is imported from there.

    Raises:
        UsageProblemError: there is none, or it raised an error, which the message has.
    """
    here = str(Path.cwd())
    if sys.path[:1] != [here]:
        sys.path.insert(0, here)
    try:
        source = source_of(name)
    except ValueError as error:
        raise UsageProblemError(str(error)) from None
    try:
        with importing():
            return import_source(source)
    except (Exception, SystemExit) as error:  # a module may raise anything
        raise UsageProblemError(_import_problem(name, error)) from error


def _import_problem(name: str, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and _is_part_of(error.name, name):
        hint = f" Write {name.removesuffix('.py')}, without .py." if name.endswith(".py") else ""
        return (
            f"there is no module {error.name!r}, neither in {Path.cwd()} nor among the installed "
            f"packages.{hint}"
        )
    if isinstance(error, SyntaxError):
        return (
            f"module {name!r} cannot be imported: {type(error).__name__}: {error.msg} "
            f"({error.filename}, line {error.lineno}: {(error.text or '').strip()})"
        )
    return import_error(name, error)


def _is_part_of(missing: str | None, name: str) -> bool:
    return missing is not None and (name == missing or name.startswith(f"{missing}."))


def find_task(text: str) -> tuple[ModuleType, Task[..., object]]:
    """The module and the task that *text* names: ``module:function``.

    Raises:
        UsageProblemError: it names none; the message says which tasks the module has.
    """
    module_name, colon, name = text.partition(":")
    if not (module_name and colon and name):
        raise UsageProblemError(
            f"{text!r} does not name a task: write MODULE:TASK, for example my_tasks:fetch"
        )
    module = import_here(module_name)
    tasks = tasks_of([module])
    found = getattr(module, name, None)
    if isinstance(found, Task):
        return module, found
    by_name = tasks.get(name) or tasks.get(text)
    if by_name is not None:
        return module, by_name
    if inspect.isfunction(found):
        raise UsageProblemError(
            f"{name} in {module_name} is a plain function: put @task above it, from "
            "lionherd_dist import task"
        )
    known = ", ".join(names_in(module))
    has = f"its tasks are: {known}" if known else "it has no tasks: decorate a function with @task"
    raise UsageProblemError(f"{module_name} has no task {name!r}; {has}")


def names_in(module: ModuleType) -> list[str]:
    """What *module* calls its tasks."""
    return [name for name, value in vars(module).items() if isinstance(value, Task)]
