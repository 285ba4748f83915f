"""The chaos run from the command line: one verdict line, exit status 1 on any violation."""

import argparse
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parent.parent))

from chaos.breaking import BREAKS
from chaos.driver import run_chaos
from chaos.plan import COUNTS, FULL_S, Plan, scaled
from chaos.verdict import as_json, line

NUMBERS = (*COUNTS, "workers")
SHOWN = 20


def plan_of(words: list[str]) -> tuple[Plan, Path | None, Path | None]:
    """The plan, and the places for the JSON and the evidence, that the *words* ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=FULL_S, help="of chaos; 180 is the full run"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="a file for the verdict and its numbers")
    parser.add_argument("--keep", type=Path, help="a directory for the evidence")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), default="")
    for name in NUMBERS:
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, help="instead of the scaled one"
        )
    given = parser.parse_args(words)
    chosen = {name: getattr(given, name) for name in NUMBERS if getattr(given, name) is not None}
    plan = replace(scaled(given.seconds, given.seed), broken=given.broken, **chosen)
    return plan, given.json, given.keep


def main(words: list[str]) -> int:
    """The exit status: 0 after a clean run, 1 after a violation."""
    plan, json_file, keep = plan_of(words)
    found = anyio.run(partial(run_chaos, plan, keep=keep))
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(found), indent=2) + "\n")
    for violation in found.violations[:SHOWN]:
        print(violation, file=sys.stderr)
    if len(found.violations) > SHOWN:
        print(f"… and {len(found.violations) - SHOWN} more violations", file=sys.stderr)
    print(line(found))
    return 1 if found.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
