"""A fault sown into a script."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import lionherd_dist.store
from lionherd_dist.store.scripts import Script
from model.driver import ALL

LUA = Path(lionherd_dist.store.__file__).parent / "lua"


@dataclass(frozen=True, slots=True)
class Mutant:
    """In *file*, *old*, which stands there once, becomes *new*."""

    name: str
    file: str
    old: str
    new: str

    def scripts(self) -> Mapping[str, Script]:
        """The scripts that have the fault.

        Raises:
            ValueError: the file does not have *old* once; the mutant must follow the script.
        """
        whole = (LUA / f"{self.file}.lua").read_text()
        count = whole.count(self.old)
        if count != 1:
            raise ValueError(
                f"{self.name}: {self.file}.lua has {self.old!r} {count} times, not once"
            )
        changed = whole.replace(self.old, self.new)
        return {
            name: _script(name, script.text.replace(whole, changed))
            for name, script in ALL.items()
            if whole in script.text
        }


def _script(name: str, text: str) -> Script:
    return Script(name, text, hashlib.sha1(text.encode()).hexdigest())
