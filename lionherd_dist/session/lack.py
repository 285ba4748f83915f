"""Says in the log, once, that the server lacks scripts which this process may not load."""

import logging

from lionherd_dist.errors import LionherdError, ScriptsMissingError
from lionherd_dist.logs import note


class Lack:
    """What is known of the server's lack of scripts; made for one who asks again and again."""

    def __init__(self) -> None:
        self._is_noted = False

    def note(self, error: LionherdError) -> None:
        """Log *error* if it is the first of its kind since the server was last heard of well."""
        if isinstance(error, ScriptsMissingError) and not self._is_noted:
            self._is_noted = True
            note(logging.WARNING, "scripts missing", reason=str(error))

    def over(self) -> None:
        """The server answered as it should."""
        self._is_noted = False
