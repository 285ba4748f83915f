"""What the chaos runs break on purpose is there to be broken."""

from collections.abc import Iterator

import pytest
from chaos_limiter import breaking as limiter_breaking

from chaos import breaking
from chaos.breaking import Break, mutated
from lionherd_dist.store import scripts


def breaks() -> Iterator[Break]:
    for table in (breaking.BREAKS, limiter_breaking.BREAKS):
        for some in table.values():
            yield from some


@pytest.mark.parametrize("one", list(breaks()), ids=lambda one: one.script)
def test_each_break_changes_its_script(one: Break) -> None:
    """Every text that it replaces stands in the script."""
    script = getattr(scripts, one.script)
    assert mutated(script, one.changes).sha != script.sha


def test_a_text_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no longer says 'no such text'"):
        mutated(scripts.FINISH, (("no such text", ""),))
