"""What a referee says in the end, and what every run is judged by, whatever it was about. Pure."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from chaos.records import Records

P = TypeVar("P")


@dataclass(slots=True)
class Verdict(Generic[P]):
    """After a run of *plan*; ``violations`` is empty after a clean one.

    Args:
        directory: where the processes wrote what they did.
    """

    plan: P
    records: Records
    directory: Path
    violations: list[str] = field(default_factory=list)

    def against(self, what: str) -> None:
        """Add a violation."""
        self.violations.append(what)

    def judge_amount(self, **done: int) -> None:
        """A run that did less than was planned proves less than it says."""
        for name, count in done.items():
            planned = getattr(self.plan, name)
            if count < planned:
                self.against(f"too little: {count} {name} of {planned}")

    def judge_leftovers(self) -> None:
        """What is left at the server, and what became of processes."""
        for name in self.records.keys_left:
            self.against(f"key left: {name}")
        for complaint in self.records.complaints:
            self.against(f"process: {complaint}")
