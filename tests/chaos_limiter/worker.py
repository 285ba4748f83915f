"""One worker process of the limiter's chaos run: ``python -m chaos_limiter.worker``."""

import os
import sys

from chaos.witness import here

from chaos_limiter.breaking import break_limiter
from lionherd_dist.runtime.process import main

if __name__ == "__main__":
    if os.environ["CHAOS_BREAK"]:
        break_limiter(os.environ["CHAOS_BREAK"])
    here().watch_stalls()
    sys.exit(main())
