"""The house keeps its shape: small rooms, short functions, imports that only go down."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "lionherd_dist"
MOST_LINES = 300
# Files that hold one idea in more lines than that, each with the reason why it is not two files.
LONG_FILES: dict[str, str] = {
    "limiter/book.py": "one state: who waits and who holds, and what the server is to hear of it",
    "cluster/job.py": "one state, all of whose changes are to be read together",
    "errors.py": "one place to look an error's name up, whatever room raises it",
    "task.py": "a task, how it runs, and the decorator in each form that type checkers must see",
}
MOST_FUNCTION_LINES = 50
MOST_PARAMETERS = 8

# Lowest floor first. A room may import from its own folder and from any floor below.
FLOORS = (
    {"arguments", "natives", "layout", "conversions"},
    {"carrying", "current_call"},
    {"errors", "call", "job_status", "main_module", "address", "printable", "telemetry", "tracing"},
    {"registry"},
    {
        "settings",
        "home",
        "local",
        "wire",
        "url",
        "logs",
        "prometheus",
        "otel",
        "progress",
        "exporting",
    },
    {"task_function"},
    {"task", "background", "environment", "place", "bar", "report", "otel_sdk"},
    {"store", "module_source", "worker_guard", "refused"},
    {"module_import"},
    {"session", "embedded"},
    {"limiter"},
    {"cluster", "runtime"},
    {"deaths", "current"},
    {"fleet"},
    {"local_cluster"},
    {"cli"},
    {"__main__"},
)
DOORS = {  # the only rooms that may open these
    "redis": {"store"},
    "msgpack": {"wire"},
    "subprocess": {"embedded"},
    "click": {"cli"},
    "rich": {"cli", "bar"},
    "prometheus_client": {"prometheus"},
    "opentelemetry": {"otel", "otel_sdk"},
}
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(HOUSE.rglob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """Every module that *path* imports, at any depth of the code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: absolute imports only"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@every_file
def test_imports_only_go_down(path: Path) -> None:
    """A file imports its own room or a room on a lower floor, and opens only its own doors."""
    here = room_of(path)
    if here == "__init__":
        return  # the front door has a test of its own
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "lionherd_dist":
            there = rest.partition(".")[0]
            if not there:
                continue  # the front door itself, for its version
            assert there == here or LEVEL[there] < LEVEL[here], f"{here} reaches up to {there}"
        elif top in DOORS:
            assert here in DOORS[top], f"{here} may not import {top}"


@every_file
def test_rooms_stay_small(path: Path) -> None:
    """No file outgrows one sitting of reading, and no function one screen."""
    text = path.read_text()
    if not LONG_FILES.get(str(path.relative_to(HOUSE))):
        assert len(text.splitlines()) <= MOST_LINES, "cut it, or say in LONG_FILES why it is one"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or 0) - node.lineno + 1 - len(doc.splitlines())
            assert lines <= MOST_FUNCTION_LINES, f"{node.name} has {lines} lines"
            count = len(node.args.args) + len(node.args.kwonlyargs) + len(node.args.posonlyargs)
            own = count - (bool(node.args.args) and node.args.args[0].arg in {"self", "cls"})
            if any(ast.unparse(one) == "overload" for one in node.decorator_list):
                continue  # says a type of the function below it, and is never called
            assert own <= MOST_PARAMETERS, f"{node.name} has {own} parameters"


@every_file
def test_no_import_hides_in_a_function_or_behind_type_checking(path: Path) -> None:
    """What a file needs stands at its top; the front door alone says lazy names to checkers."""
    if room_of(path) == "__init__":
        return
    tree = ast.parse(path.read_text())
    nested = [
        node
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.If)
        for node in ast.walk(outer)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not nested, f"{path.name}: import in line {nested[0].lineno if nested else 0}"


def test_files_never_import_in_a_circle() -> None:
    """Inside a folder, too, imports form a tree."""
    graph = {_module(p): {m for m in imported(p) if m.startswith("lionherd_dist.")} for p in FILES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module in done:
            return
        for other in graph.get(module, ()):
            visit(other if other in graph else other.rpartition(".")[0], (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def _module(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_importing_the_package_loads_neither_redis_nor_msgpack() -> None:
    """In-process users pay for anyio only."""
    code = (
        "import sys, lionherd_dist; "
        "print([name for name in ('redis', 'msgpack', 'hiredis') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
