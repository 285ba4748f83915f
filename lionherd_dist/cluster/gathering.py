"""``cluster.gather``: its types, which are many, apart from the other patterns."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Iterable
from typing import Any, Literal, TypeVar, overload

from lionherd_dist.call import Call
from lionherd_dist.cluster.feeder import encode_all
from lionherd_dist.cluster.limit import Limit
from lionherd_dist.cluster.telling import Listeners, OnProgress

R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
H = TypeVar("H")


class Gathering(ABC):
    """What gathers, given a way to collect the outcomes of a job."""

    @abstractmethod
    async def _collected(
        self,
        calls: Iterable[object] | AsyncIterable[object],
        limit: Limit,
        return_exceptions: bool,
        listeners: Listeners | None = None,
    ) -> list[R | BaseException]:
        """The outcomes of *calls*, in their order."""

    @abstractmethod
    def _check_usable(self) -> None:
        """Raise an error where nothing can be asked: not open, another process or event loop."""

    # What comes back is a list. Two to eight arguments that are named one by one are typed as a
    # tuple, as those of asyncio.gather are: no other type says which result is which. That a list
    # of unknown length may be unpacked into them is ignored: mypy then takes the last two.
    # fmt: off
    @overload
    async def gather(  # type: ignore[overload-overlap]  # see above
        self, a: Call[A], b: Call[B], /, *, return_exceptions: Literal[False] = False,
        progress: OnProgress | bool = False
    ) -> tuple[A, B]: ...
    @overload
    async def gather(  # type: ignore[overload-overlap]  # see above
        self, a: Call[A], b: Call[B], c: Call[C], /, *, return_exceptions: Literal[False] = False,
        progress: OnProgress | bool = False
    ) -> tuple[A, B, C]: ...
    @overload
    async def gather(  # type: ignore[overload-overlap]  # see above
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], /, *,
        return_exceptions: Literal[False] = False, progress: OnProgress | bool = False
    ) -> tuple[A, B, C, D]: ...
    @overload
    async def gather(  # type: ignore[overload-overlap]  # see above
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], e: Call[E], /, *,
        return_exceptions: Literal[False] = False, progress: OnProgress | bool = False
    ) -> tuple[A, B, C, D, E]: ...
    @overload
    async def gather(  # type: ignore[overload-overlap]  # see above
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], e: Call[E], f: Call[F], /, *,
        return_exceptions: Literal[False] = False, progress: OnProgress | bool = False
    ) -> tuple[A, B, C, D, E, F]: ...
    @overload
    async def gather(  # type: ignore[overload-overlap]  # see above
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], e: Call[E], f: Call[F], g: Call[G], /,
        *, return_exceptions: Literal[False] = False, progress: OnProgress | bool = False
    ) -> tuple[A, B, C, D, E, F, G]: ...
    @overload
    async def gather(  # type: ignore[overload-overlap]  # see above
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], e: Call[E], f: Call[F], g: Call[G],
        h: Call[H], /, *, return_exceptions: Literal[False] = False,
        progress: OnProgress | bool = False
    ) -> tuple[A, B, C, D, E, F, G, H]: ...
    @overload
    async def gather(
        self, a: Call[A], b: Call[B], /, *, return_exceptions: bool,
        progress: OnProgress | bool = False
    ) -> tuple[A | BaseException, B | BaseException]: ...
    @overload
    async def gather(
        self, a: Call[A], b: Call[B], c: Call[C], /, *, return_exceptions: bool,
        progress: OnProgress | bool = False
    ) -> tuple[A | BaseException, B | BaseException, C | BaseException]: ...
    @overload
    async def gather(
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], /, *, return_exceptions: bool,
        progress: OnProgress | bool = False
    ) -> tuple[A | BaseException, B | BaseException, C | BaseException, D | BaseException]: ...
    @overload
    async def gather(
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], e: Call[E], /, *,
        return_exceptions: bool, progress: OnProgress | bool = False
    ) -> tuple[
        A | BaseException, B | BaseException, C | BaseException, D | BaseException,
        E | BaseException
    ]: ...
    @overload
    async def gather(
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], e: Call[E], f: Call[F], /, *,
        return_exceptions: bool, progress: OnProgress | bool = False
    ) -> tuple[
        A | BaseException, B | BaseException, C | BaseException, D | BaseException,
        E | BaseException, F | BaseException
    ]: ...
    @overload
    async def gather(
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], e: Call[E], f: Call[F], g: Call[G], /,
        *, return_exceptions: bool, progress: OnProgress | bool = False
    ) -> tuple[
        A | BaseException, B | BaseException, C | BaseException, D | BaseException,
        E | BaseException, F | BaseException, G | BaseException
    ]: ...
    @overload
    async def gather(
        self, a: Call[A], b: Call[B], c: Call[C], d: Call[D], e: Call[E], f: Call[F], g: Call[G],
        h: Call[H], /, *, return_exceptions: bool, progress: OnProgress | bool = False
    ) -> tuple[
        A | BaseException, B | BaseException, C | BaseException, D | BaseException,
        E | BaseException, F | BaseException, G | BaseException, H | BaseException
    ]: ...
    # fmt: on
    @overload
    async def gather(
        self,
        *calls: Call[R],
        return_exceptions: Literal[False] = False,
        progress: OnProgress | bool = False,
    ) -> list[R]: ...
    @overload
    async def gather(
        self, *calls: Call[R], return_exceptions: bool, progress: OnProgress | bool = False
    ) -> list[R | BaseException]: ...
    async def gather(
        self,
        *calls: Call[Any],
        return_exceptions: bool = False,
        progress: OnProgress | bool = False,
    ) -> Any:
        """The results of *calls*, in their order; run at once, as far as the workers have slots.

        *progress* as ``completion_stream`` has it.

        Raises:
            ExceptionGroup: of the first failure; the rest is cancelled. With *return_exceptions*
                failures stand among the results instead.
        """
        payloads = await encode_all(
            calls, self._check_usable
        )  # refused here, before anything is sent
        listeners = Listeners(progress) if progress else None
        return await self._collected(payloads, None, return_exceptions, listeners)
