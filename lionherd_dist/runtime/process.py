"""A worker as a process: ``python -m lionherd_dist.runtime.process``, told what to do by its order.

The order comes in an environment variable, so that no URL with a password stands in the list of
processes. Whoever starts it may be the command line, a LocalCluster, or anything else.
"""

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from types import ModuleType
from typing import NoReturn

import anyio

from lionherd_dist.errors import LionherdError, StoreRefusedError, trouble
from lionherd_dist.exporting import Wanted, exported
from lionherd_dist.logs import Format, Level, log_as_asked
from lionherd_dist.module_import import import_error, import_source
from lionherd_dist.module_source import ModuleSource
from lionherd_dist.runtime.ending import UnwaitedExecutor, end, leave
from lionherd_dist.runtime.worker import Worker
from lionherd_dist.session.own_place import use_token
from lionherd_dist.settings import Settings
from lionherd_dist.telemetry import Recorder
from lionherd_dist.tracing import Tracer
from lionherd_dist.url import parse
from lionherd_dist.worker_guard import become_worker, importing

ORDER_VARIABLE = "LIONHERD_WORKER_ORDER"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
STATUS_UNUSABLE = 78  # starting it again would end in the same way; no task ends in it by chance
STATUS_FAILED = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What one worker process is to do; *ready* is printed, as a line, when it takes calls.

    *token* is to be part of the place that it registers, so that whoever started it can tell the
    server of its death; "" for one that nobody else knows.

    *redis* is a complete URL, to which nothing of the environment is added. *otel* says whether it
    tells OpenTelemetry. *files* has the files of those modules for which they are known, *main* is
    the one that the program which starts the worker was started with, and *argv* its ``sys.argv``.
    """

    modules: tuple[str, ...]
    redis: str = field(repr=False)  # it may hold a password
    concurrency: int
    grace_s: float
    settings: Settings
    ready: str = ""
    token: str = ""
    log_format: Format | None = None
    log_level: Level | None = None
    otel: Wanted = "no"
    files: dict[str, str] = field(default_factory=dict)
    main: str | None = None
    argv: tuple[str, ...] = ()

    def as_text(self) -> str:
        """The order as it stands in the environment."""
        return json.dumps(asdict(self))


def order_of(text: str) -> Order:
    """The order that ``as_text`` wrote."""
    fields = json.loads(text)
    for name in ("modules", "argv"):
        fields[name] = tuple(fields[name])
    return Order(**{**fields, "settings": Settings(**fields["settings"])})


async def serve(worker: Worker, on_ready: Callable[[], None]) -> None:
    """Run *worker* until SIGTERM or SIGINT; a second signal hands back at once.

    For the main thread of a process that then ends, by ``leave``: the signals stay minded to its
    very end, where one more of them would otherwise turn a clean exit into a killed one, and the
    loop waits for no thread.
    """
    loop, pid = asyncio.get_running_loop(), os.getpid()
    loop.set_default_executor(UnwaitedExecutor(thread_name_prefix="asyncio"))

    def stop(number: int, _: object) -> None:
        if os.getpid() != pid:  # a process that a task has forked: for it, a stop is the end
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped already
            loop.call_soon_threadsafe(worker.stop)

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    try:
        await worker.run(on_ready=on_ready, on_stuck=_leave)
    except BaseExceptionGroup as error:
        raise trouble(error) from None
    finally:
        for number in STOP_SIGNALS:  # the interpreter undoes handlers as it ends, but not this
            signal.signal(number, signal.SIG_IGN)


def _leave() -> None:
    """End the process: its calls are handed back, and nothing else ends a thread."""
    print("functions in threads did not stop; their calls are handed back", file=sys.stderr)  # noqa: T201
    end(0)


def _import_modules(order: Order) -> list[ModuleType] | str:
    """The modules, or why one of them cannot be imported."""
    modules = []
    for name in order.modules:
        try:
            module = import_source(ModuleSource(name, order.files.get(name)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a module may raise anything)
            return import_error(name, error)
        if name == order.main:
            sys.modules["__main__"] = module  # as multiprocessing has it: what is pickled finds it
        modules.append(module)
    return modules


class _Readiness:
    """Says on the standard output that the process began with, once, that it is ready.

    A module may put something else in the place of that.
    """

    def __init__(self) -> None:
        self._output = os.dup(1)

    def tell(self, text: str) -> None:
        """Print *text* as a line, at the first call."""
        if self._output >= 0:
            if text:
                os.write(self._output, f"{text}\n".encode())
            os.close(self._output)
            self._output = -1


def _work(order: Order) -> str | None:
    """Why the worker could not start; None once it has worked."""
    log_as_asked(order.log_format, order.log_level)
    readiness = _Readiness()
    with importing():
        modules = _import_modules(order)
    if isinstance(modules, str):
        return modules

    def ready() -> None:
        readiness.tell(order.ready)

    async def run(recorder: Recorder, tracer: Tracer | None) -> None:
        worker = Worker(
            *modules,
            redis=parse(order.redis),
            concurrency=order.concurrency,
            grace_s=order.grace_s,
            settings=order.settings,
            recorder=recorder,
            tracer=tracer,
        )
        await serve(worker, ready)

    try:
        with exported(order.otel) as told:
            anyio.run(run, *told, backend_options={"use_uvloop": find_spec("uvloop") is not None})
    except (ValueError, StoreRefusedError) as error:
        return str(error)
    return None


def main() -> int:
    """The exit status of a worker that follows the order in the environment."""
    text = os.environ.pop(ORDER_VARIABLE, "")
    if not text:
        print(f"this is started with an order in {ORDER_VARIABLE}", file=sys.stderr)  # noqa: T201
        return STATUS_UNUSABLE
    become_worker()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a crash loses no line that was printed
    order = order_of(text)
    if order.token:
        use_token(order.token)
    if order.argv:
        sys.argv[:] = order.argv
    try:
        complaint = _work(order)
    except LionherdError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return STATUS_FAILED
    except BaseException:  # noqa: BLE001 (told as the interpreter does, which would wait for threads)
        traceback.print_exc()
        return STATUS_FAILED
    if complaint is not None:
        print(complaint, file=sys.stderr)  # noqa: T201
        return STATUS_UNUSABLE
    return 0


def run() -> NoReturn:
    """Follow the order and end the process."""
    sys.exit(leave(main()))


if __name__ == "__main__":
    run()
