"""``lionherd-dist demo`` on a small folder, and its task on small files."""

from pathlib import Path

import pytest

from lionherd_dist.cli.demo_command import sources_in
from lionherd_dist.cli.survey import Function, survey


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with two valid files, a broken one, and what is not to be looked at."""
    root = tmp_path / "sources"
    (root / "site-packages").mkdir(parents=True)
    (root / "a.py").write_text("def short(): ...\n\nasync def long():\n    x = 1\n    return x\n")
    (root / "b.py").write_text("x = 1\n")
    (root / "broken.py").write_text("def f(:\n")
    (root / "site-packages" / "c.py").write_text("x = 1\n")
    (root / "notes.txt").write_text("not Python\n")
    return root


def test_a_survey_counts_what_is_in_a_file(sources: Path) -> None:
    """Lines, tokens and functions; the longest function first."""
    found = survey(str(sources / "a.py"))
    assert (found.lines, found.functions) == (5, 2)
    assert found.tokens > 20
    assert found.longest == [Function("long", 3, 3), Function("short", 1, 1)]


def test_a_survey_fails_as_python_would(sources: Path) -> None:
    """What is not valid source is a failure, with the file's name."""
    with pytest.raises(SyntaxError, match=r"broken\.py"):
        survey(str(sources / "broken.py"))


def test_packages_that_were_installed_are_left_out(sources: Path) -> None:
    """Only the folder's own Python files are surveyed."""
    assert [path.name for path in sources_in(sources)] == ["a.py", "b.py", "broken.py"]


def test_the_demonstration_shows_what_it_found(run, sources: Path) -> None:
    """The longest functions, the failures by type, the totals; status 0."""
    status, out, _ = run("demo", str(sources), "--workers", "2")
    assert status == 0
    assert "long" in out
    assert "a.py:3" in out
    assert "SyntaxError" in out
    assert "3 files (1 failed), 6 lines" in out
