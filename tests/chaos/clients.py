"""The client processes of a chaos run: started again until each says that it has done all."""

import signal
import sys
from pathlib import Path

from chaos.plan import ALL_DONE, STEP_DONE, Plan, Role
from chaos.records import Records
from chaos.workers import TAIL, environment
from lionherd_dist.embedded.child import Child

MOST_CRASHES = 3


class ClientPlace:
    """One client at a time; all its processes share one file of notes."""

    def __init__(self, role: Role, plan: Plan, records: Records) -> None:
        self._role, self._plan, self._records = role, plan, records
        self._child: Child | None = None
        self._killed = False
        self._lives = self._crashes = 0

    @property
    def name(self) -> str:
        """The client's name in the plan."""
        return self._role.name

    @property
    def ready(self) -> bool:
        """True if a process of it runs that may be killed."""
        child = self._child
        return child is not None and child.returncode is None and not self._killed

    async def live(self) -> None:
        """Start one process after the other, until all is done."""
        while self._crashes < MOST_CRASHES:
            self._lives += 1
            who = f"{self.name}.{self._lives}"
            env = environment(Path(self._role.directory), who, self._plan.broken)
            self._killed = False
            self._child = child = await Child.start(
                [sys.executable, "-m", "chaos.client"],
                env={**env, "CHAOS_ROLE": self._role.as_text()},
            )
            try:
                status = await child.wait()
            finally:
                await child.stop()
            if status == ALL_DONE:
                return
            may_be_killed = self._killed or self._role.deaths > 0
            if status != STEP_DONE and not (may_be_killed and status == -signal.SIGKILL):
                self._crashes += 1
                self._records.complaints.append(
                    f"client {who} ended with {status}: {child.output[-TAIL:]}"
                )

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._killed = True
            self._child.kill()
