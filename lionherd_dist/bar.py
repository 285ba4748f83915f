"""A bar on standard error, drawn with rich: an extra, ``pip install "lionherd-dist[cli]"``."""

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Drawn

from lionherd_dist.printable import span
from lionherd_dist.progress import Progress


class RichBar:
    """Shows progress as a bar with counts and the rate; redrawn when there is something new.

    Where standard error is no terminal it is written once, when it is closed.
    """

    def __init__(self) -> None:
        self._drawn = Drawn(
            BarColumn(bar_width=None),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            auto_refresh=False,  # it is told often enough, and needs no thread
            expand=True,
        )
        self._row = self._drawn.add_task("", total=None)

    def show(self, progress: Progress) -> None:
        """Draw *progress*."""
        self._drawn.start()  # the first time
        self._drawn.update(
            self._row,
            completed=progress.done,
            total=progress.total,
            description=_beside(progress),
            refresh=True,
        )

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._drawn.stop()


def _beside(progress: Progress) -> str:
    of_all = "" if progress.total is None else f"/{progress.total:,}"
    failed = f", [red]{progress.failed:,} of them failed[/]" if progress.failed else ""
    left = "" if not progress.left_s else f"  {span(progress.left_s)} left"
    return f"{progress.done:,}{of_all} done{failed}  [cyan]{progress.per_second:,.0f}/s[/]{left}"
