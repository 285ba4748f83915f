"""A cluster on this machine alone: a private server and worker processes, gone when it is left."""

import os
import sys
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from types import ModuleType, TracebackType
from typing import Self

from lionherd_dist.arguments import shown, whole_number
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.embedded.output import write_to_stderr
from lionherd_dist.embedded.server import private_server
from lionherd_dist.errors import LionherdError, first_of
from lionherd_dist.fleet import Fleet
from lionherd_dist.main_module import main_module
from lionherd_dist.module_source import ModuleSource, files_of, main_source, source_of
from lionherd_dist.runtime.process import Order
from lionherd_dist.runtime.worker import check_concurrency
from lionherd_dist.settings import Settings, check_settings
from lionherd_dist.task import Task
from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.tracing import Tracer
from lionherd_dist.url import parse
from lionherd_dist.worker_guard import check_may_start_processes, may_start_processes

GRACE_S = 2.0  # nobody else could take the calls over: what still runs is not wanted any more


class LocalCluster(Cluster):
    """A Cluster with workers of its own: ``async with LocalCluster("my_tasks", workers=4) as c``.

    Args:
        modules: the modules whose tasks the workers run, each by its name, its path
            (``"jobs/fetch.py"``) or itself; imported in each worker. Without any, it is the module
            that the program was started with, which then needs ``if __name__ == "__main__":``
            above what the program does.
        workers: how many processes.
        concurrency: how many calls each of them runs at once.
        server: the server program; found by itself unless given (see ``find_server``).
        resubmit: as for Cluster.
        settings: session and the like.
        recorder: told what is measured in this process; see docs/telemetry.md.
        tracer: told of the jobs. With one, the workers tell OpenTelemetry of the calls where their
            module has set its SDK up, or an OTEL_* variable says where to; see there, too.

    What the workers print appears on standard error, each line with the worker that printed it.
    They have the interpreter options, ``sys.path`` and ``sys.argv`` of this process.

    Raises:
        TypeError, ValueError: a module or a number is none.

    Raises, on entering:
        ServerNotFoundError: no server program is installed.
        ServerStartError: the server did not start.
        WorkerStartError: a module cannot be imported, or holds no task; with that error. Or this
            process is a worker that imports its modules.
    """

    def __init__(
        self,
        *modules: str | os.PathLike[str] | ModuleType,
        workers: int = 4,
        concurrency: int = 100,
        server: str | None = None,
        resubmit: bool = False,
        settings: Settings | None = None,
        recorder: Recorder = SILENT,
        tracer: Tracer | None = None,
    ) -> None:
        instead = "give how many processes, a whole number from 1 up"
        workers = whole_number("workers", workers, least=1, instead=instead)
        concurrency = check_concurrency(concurrency)
        check_settings(settings)
        if not isinstance(server, str | None):
            raise TypeError(f"server is {shown(server)}: give the path of a program, or None")
        # A module may make its cluster as it is imported; where that is a worker's, there is no
        # program to name, and entering it is refused.
        sources = _sources(modules) if may_start_processes() else []
        own = replace(settings or Settings(), fresh_server=True)
        nowhere = parse("unix:///not-started-yet")
        super().__init__(nowhere, resubmit=resubmit, settings=own, recorder=recorder, tracer=tracer)
        self._server = server
        self._sources, self._workers, self._concurrency = sources, workers, concurrency
        self._is_of_program = not modules
        self._ground = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._check_new()
        check_may_start_processes()
        if self._is_of_program:
            _check_own_tasks()
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(private_server(self._server))
            self._address = parse(url)
            fleet = Fleet(
                self._order(url),
                size=self._workers,
                on_output=write_to_stderr,
                prefixed=True,
                on_failure=self._workers_failed,
                recorder=self._recorder,
            )
            await stack.enter_async_context(fleet)
            await super().__aenter__()
            stack.push_async_exit(super().__aexit__)
            self._ground = stack.pop_all()
        return self

    def _order(self, url: str) -> Order:
        main = main_module()
        return Order(
            tuple(source.name for source in self._sources),
            url,
            self._concurrency,
            GRACE_S,
            self._settings,
            otel="no" if self._tracer is None else "if set up",
            files=files_of(self._sources),
            main=None if main is None else main.name,
            argv=tuple(sys.argv),
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_forked:
            return
        await self._ground.__aexit__(kind, error, trace)

    def _workers_failed(self, failure: BaseException) -> None:
        """No worker can go on: what waits for one, in whatever task, is told so."""
        error = first_of(failure)
        if self._open_link is not None and isinstance(error, LionherdError):
            self._open_link.end(error)


def _sources(given: Iterable[object]) -> list[ModuleSource]:
    sources = [source_of(one) for one in given] or [main_source()]
    by_name = {source.name: source for source in sources}
    for source in sources:
        if by_name[source.name].file != source.file:
            raise ValueError(
                f"two modules are named {source.name!r}, {source.file} and "
                f"{by_name[source.name].file}: rename one, as the names of tasks begin with it"
            )
    return list(by_name.values())


def _check_own_tasks() -> None:
    """Refuse to run the tasks of a program that has none."""
    main = sys.modules["__main__"]
    if not any(isinstance(value, Task) for value in vars(main).values()):
        raise ValueError(
            f"LocalCluster is given no module, and the program's own, {main.__file__}, holds no "
            'task: give the module that holds them, LocalCluster("my_tasks")'
        )
