"""One worker process of the chaos run: ``python -m chaos.worker``, the library's own entry."""

import os
import sys

from chaos.bodies import watch_stalls
from chaos.breaking import break_guarantee
from lionherd_dist.runtime.process import main

if __name__ == "__main__":
    broken = os.environ.get("CHAOS_BREAK", "")
    if broken:
        break_guarantee(broken)
    watch_stalls()
    sys.exit(main())
