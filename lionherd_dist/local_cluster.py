"""A cluster on this machine alone: a private server and worker processes, gone when it is left."""

import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from lionherd_dist.arguments import shown, whole_number
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.embedded.server import private_server
from lionherd_dist.fleet import Fleet
from lionherd_dist.runtime.process import Order
from lionherd_dist.runtime.worker import check_concurrency
from lionherd_dist.settings import Settings, check_settings
from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.tracing import Tracer
from lionherd_dist.url import parse

GRACE_S = 2.0  # nobody else could take the calls over: what still runs is not wanted any more


def _to_stderr(output: bytes) -> None:
    sys.stderr.write(output.decode(errors="replace"))
    sys.stderr.flush()


class LocalCluster(Cluster):
    """A Cluster with workers of its own: ``async with LocalCluster("my_tasks", workers=4) as c``.

    Args:
        modules: names of the modules whose tasks the workers run; imported in each of them.
        workers: how many processes.
        concurrency: how many calls each of them runs at once.
        server: the server program; found by itself unless given (see ``find_server``).
        resubmit: as for Cluster.
        settings: session and the like.
        recorder: told what is measured in this process; see docs/telemetry.md.
        tracer: told of the jobs. With one, the workers tell OpenTelemetry of the calls where their
            module has set its SDK up, or an OTEL_* variable says where to; see there, too.

    What the workers print appears on standard error.

    Raises, on entering:
        ServerNotFoundError: no server program is installed.
        ServerStartError: the server did not start.
        WorkerStartError: a module cannot be imported, or holds no task; with that error.
    """

    def __init__(
        self,
        *modules: str,
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
        own = replace(settings or Settings(), fresh_server=True)
        nowhere = parse("unix:///not-started-yet")
        super().__init__(nowhere, resubmit=resubmit, settings=own, recorder=recorder, tracer=tracer)
        self._server = server
        self._modules, self._workers, self._concurrency = modules, workers, concurrency
        self._ground = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._check_new()
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(private_server(self._server))
            self._address = parse(url)
            order = Order(
                self._modules,
                url,
                self._concurrency,
                GRACE_S,
                self._settings,
                otel="no" if self._tracer is None else "if set up",
            )
            await stack.enter_async_context(Fleet(order, size=self._workers, on_output=_to_stderr))
            await super().__aenter__()
            self._ground = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_forked:
            return
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            await self._ground.aclose()
