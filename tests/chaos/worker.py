"""One worker process of the chaos run: ``python -m chaos.worker``, the library's own entry."""

import os
import sys

from chaos.breaking import break_guarantee
from chaos.witness import here
from lionherd_dist.runtime.process import main

if __name__ == "__main__":
    broken = os.environ.get("CHAOS_BREAK", "")
    if broken:
        break_guarantee(broken)
    here().watch_stalls()
    sys.exit(main())
