"""A worker process of one contender: ``python -m harness.worker NAME``."""

import inspect
import sys

from harness.contender import Place, load
from harness.loop import run

if __name__ == "__main__":
    adapter = load(sys.argv[1])
    work = adapter.work(Place.here())
    if inspect.iscoroutine(work):
        run(work, adapter.LOOP)
