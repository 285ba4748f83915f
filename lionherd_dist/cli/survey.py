"""The demonstration's task: what a Python source file holds, found by reading all of it.

It stands in the package, so that ``lionherd-dist demo`` works wherever it is installed.
"""

import ast
import io
import os
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lionherd_dist.registry import sendable
from lionherd_dist.task import task

MOST_LONGEST = 10  # functions of one file; enough for the ten longest of all files


@sendable
@dataclass(frozen=True, slots=True)
class Function:
    """A function in a file: its first line, and how many it has."""

    name: str
    line: int
    lines: int


@sendable
@dataclass(frozen=True, slots=True)
class Survey:
    """What one file holds, its longest functions first, and the process that looked."""

    path: str
    lines: int
    tokens: int
    functions: int
    longest: list[Function]
    pid: int


@task
def survey(path: str) -> Survey:
    """What the Python file at *path* holds; fails as Python would if it is not valid source."""
    source = Path(path).read_bytes()
    functions = sorted(_functions(source, path), key=lambda function: -function.lines)
    tokens = sum(1 for _ in tokenize.tokenize(io.BytesIO(source).readline))
    lines = source.count(b"\n")
    return Survey(path, lines, tokens, len(functions), functions[:MOST_LONGEST], os.getpid())


def _functions(source: bytes, path: str) -> Iterator[Function]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the surveyed file, and none of our business
        tree = ast.parse(source, path)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            yield Function(node.name, node.lineno, last - node.lineno + 1)
