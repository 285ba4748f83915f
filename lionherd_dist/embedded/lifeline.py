"""What ties a process to ours: a pipe that the kernel closes when we end, by SIGKILL as well.

    we ── write end                      read end ── watcher (sh, asleep in `read`)
     └─ start ─▶ sh ── forks the watcher, then becomes the program (exec)
                 pid, signals and exit status are the program's own

While we live the watcher sleeps. The end of the pipe means that we are gone: the watcher stops the
program. It is there before the program is, so there is no moment at which our death leaves anything
behind.

The program leads a process group, which the watcher and all that the program starts belong to. When
the program has ended, the whole group is killed: by us, or by the watcher if we are gone. The group
cannot be another one's by then: its number is taken for as long as the watcher is in it.

Why not PR_SET_PDEATHSIG: Linux only, and bound to the thread that started the process, so that a
worker thread's end would stop the server. A process made of ours by a bare os.fork() holds the
pipe too, and the program then lives as long as that one; subprocess and spawn do not inherit it.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence

_SCRIPT = """
grace=$1 remove=$2
shift 2
exec 3<&0
(
  trap '' HUP INT QUIT TERM
  read -r _
  [ "$grace" -eq 0 ] || kill -TERM $$
  while [ "$grace" -gt 0 ] && kill -0 $$; do
    sleep 0.1
    grace=$((grace - 1))
  done
  kill -KILL $$
  if [ -n "$remove" ]; then rm -rf -- "$remove"; fi
  kill -KILL -$$
) <&3 3<&- >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
"""

_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Lifeline:
    """A pipe whose write end only this process holds.

    Attributes:
        read_end: the descriptor to give to the process as its standard input; close it after.
    """

    read_end: int

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()

    def cut(self) -> None:
        """Let the watcher stop the program, as it does when this process ends."""
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1


def tied(
    argv: Sequence[str], *, env: Mapping[str, str], grace_s: float, remove: str | None
) -> list[str]:
    """The command that starts *argv* tied to the pipe on its standard input.

    When we are gone the program gets SIGTERM, *grace_s* seconds later SIGKILL (at once if 0). Then
    the directory *remove* is removed, and what is left of the program's group is killed. Its own
    standard input is empty.
    """
    # dash drops variables whose names it could not write, such as a.b; bash hands them on.
    odd = not all(map(_SHELL_NAME.fullmatch, env))
    bash = shutil.which("bash") if odd else None
    shell = [bash, "-p"] if bash else ["/bin/sh"]  # -p: no BASH_ENV, no functions of the user
    return [*shell, "-c", _SCRIPT, "lionherd", str(round(grace_s * 10)), remove or "", *argv]
