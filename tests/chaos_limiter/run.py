"""The limiter's chaos run: one verdict line, exit status 1 on any violation."""

import argparse
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parent.parent))

from chaos_limiter.breaking import BREAKS
from chaos_limiter.driver import run_chaos
from chaos_limiter.plan import FULL_S, scaled
from chaos_limiter.verdict import as_json, line

SHOWN = 20


def main(words: list[str]) -> int:
    """The exit status: 0 after a clean run, 1 after a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=FULL_S, help=f"of chaos; {FULL_S:.0f} is the full run"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="a file for the verdict and its numbers")
    parser.add_argument("--keep", type=Path, help="a directory for the evidence")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), default="")
    given = parser.parse_args(words)
    plan = replace(scaled(given.seconds, given.seed), broken=given.broken)
    found = anyio.run(partial(run_chaos, plan, keep=given.keep))
    if given.json is not None:
        given.json.write_text(json.dumps(as_json(found), indent=2) + "\n")
    for violation in found.violations[:SHOWN]:
        print(violation, file=sys.stderr)
    if len(found.violations) > SHOWN:
        print(f"… and {len(found.violations) - SHOWN} more violations", file=sys.stderr)
    print(line(found))
    return 1 if found.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
