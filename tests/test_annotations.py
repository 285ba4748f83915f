"""Public attributes say their types, so that type checkers of users need not guess."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lionherd_dist"
FILES = sorted(PACKAGE.rglob("*.py"))


def assigned(target: ast.expr) -> Iterator[ast.expr]:
    """What an assignment gives a value to, one by one."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from assigned(part)
    else:
        yield target


def unannotated(source: str) -> list[str]:
    """The public attributes of the classes in *source* that have a value and no annotation."""
    found: list[str] = []
    for cls in ast.walk(ast.parse(source)):
        if not isinstance(cls, ast.ClassDef) or cls.name.startswith("_"):
            continue
        declared = {
            node.target.id if isinstance(node.target, ast.Name) else node.target.attr
            for node in ast.walk(cls)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name | ast.Attribute)
        }
        methods = {node.name for node in cls.body if isinstance(node, ast.FunctionDef)}
        for method in cls.body:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(method):
                if not isinstance(node, ast.Assign) or isinstance(node.value, ast.Name):
                    continue  # what is given the value of a parameter has the type of that
                for target in node.targets:
                    for one in assigned(target):
                        match one:
                            case ast.Attribute(value=ast.Name(id="self"), attr=name) if (
                                not name.startswith("_") and name not in declared | methods
                            ):
                                found.append(f"{cls.name}.{name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_public_attribute_is_annotated(path: Path) -> None:
    """In the class or where it gets its first value."""
    assert unannotated(path.read_text()) == []


def test_an_attribute_without_annotation_is_found() -> None:
    """However it gets its value; those of private names are nobody's business."""
    source = """
class A:
    known: int
    def __init__(self, x):
        self.same = x
        self.known, self.unknown = x, x
        self._private = x
        self.said: int = 3
    async def later(self):
        self.late = 1
"""
    assert unannotated(source) == ["A.unknown", "A.late"]
