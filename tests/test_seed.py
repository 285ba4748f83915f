"""The document that defines the patterns, run as it is printed with its import changed."""

import ast
import contextlib
import functools
import inspect
import io
import re
from pathlib import Path

import anyio
import pytest

DOCUMENT = Path(__file__).parent / "data" / "concurrency_patterns.txt"
CELL = re.compile(r"^In \[\d+\]:\n", re.MULTILINE)
HEADING = re.compile(r"^#{2,3} ", re.MULTILINE)


def cells() -> list[tuple[str, str]]:
    """Each cell's code, and what the document shows that it prints (the last paragraph)."""
    found = []
    for part in CELL.split(DOCUMENT.read_text(encoding="utf-8"))[1:]:
        code = HEADING.split(part)[0].rstrip()
        printed = ""
        if found:  # the first cell only imports
            code, printed = code.rsplit("\n\n", 1)
        found.append((code, printed))
    return found


@functools.cache
def printed() -> list[str]:
    """What the cells print, run in order in one namespace, as a notebook does."""
    namespace: dict[str, object] = {"__name__": "__main__"}

    async def run(code: str) -> str:
        code = code.replace("from lionherd_core.libs.concurrency", "from lionherd_dist")
        compiled = compile(code, str(DOCUMENT), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            result = eval(compiled, namespace)
            if inspect.isawaitable(result):
                await result
        return output.getvalue().rstrip()

    async def run_all() -> list[str]:
        return [await run(code) for code, _ in cells()]

    return anyio.run(run_all)


def test_document_has_its_eighteen_cells():
    """None is lost on the way from the file to the tests."""
    assert len(cells()) == 18


@pytest.mark.parametrize("number", range(1, 19))
def test_cell_prints_what_the_document_shows(number):
    """With the import alone changed to lionherd_dist."""
    assert printed()[number - 1] == cells()[number - 1][1].rstrip()
