"""Says in the log, once, that the server lacks scripts which this process may not load."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from lionherd_dist.errors import LionherdError, ScriptsMissingError, StoreRefusedError
from lionherd_dist.logs import note


class Lack:
    """What is known of the server's lack of scripts; made for one who asks again and again.

    Args:
        refuses: whoever asks has only just begun, and would rather end than wait for an operator.
    """

    def __init__(self, *, refuses: bool = False) -> None:
        self._refuses = refuses
        self._is_noted = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Log what is raised inside, as ``note`` does, or turn it into a refusal."""
        try:
            yield
        except ScriptsMissingError as error:
            if self._refuses:
                raise StoreRefusedError(str(error)) from error
            self.note(error)
            raise

    def note(self, error: LionherdError) -> None:
        """Log *error* if it is the first of its kind since the server was last heard of well."""
        if isinstance(error, ScriptsMissingError) and not self._is_noted:
            self._is_noted = True
            note(logging.WARNING, "scripts missing", reason=str(error))

    def over(self) -> None:
        """The server answered as it should."""
        self._is_noted = False
