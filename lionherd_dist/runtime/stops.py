"""Which calls are to stop: those of cancelled jobs, or all when they are handed back."""

from collections import OrderedDict

import anyio

from lionherd_dist.store.calls import Taken

REMEMBERED_CANCELS = 10_000  # a call may arrive after the word that its job was cancelled


class Stops:
    """Scopes around what runs, by job, and what was said of jobs.

    Attributes:
        cancelled: the jobs that were cancelled last.
        handing_back: True once all is handed back.
    """

    handing_back: bool

    def __init__(self) -> None:
        self._scopes: dict[str, dict[bytes, anyio.CancelScope]] = {}
        self.cancelled: OrderedDict[str, None] = OrderedDict()
        self.handing_back = False

    def concern(self, taken: Taken) -> bool:
        """True if *taken* is not to go on."""
        return self.handing_back or taken.job in self.cancelled

    def cancel(self, job: str) -> None:
        """Stop the calls of *job*, those that are still to arrive included."""
        self.cancelled[job] = None
        if len(self.cancelled) > REMEMBERED_CANCELS:
            self.cancelled.popitem(last=False)
        for scope in self._scopes.get(job, {}).values():
            scope.cancel()

    def hand_back(self) -> None:
        """Stop them all."""
        self.handing_back = True
        for scopes in self._scopes.values():
            for scope in scopes.values():
                scope.cancel()

    def note(self, taken: Taken, scope: anyio.CancelScope) -> None:
        """*scope* is around what *taken* does, until ``forget``; ask first whether it may begin."""
        scopes = self._scopes.get(taken.job)
        if scopes is None:
            scopes = self._scopes[taken.job] = {}
        scopes[taken.entry] = scope

    def forget(self, taken: Taken) -> None:
        """It has ended."""
        scopes = self._scopes[taken.job]
        del scopes[taken.entry]
        if not scopes:
            del self._scopes[taken.job]
