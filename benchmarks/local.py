"""The in-process patterns beside their peers: ``python benchmarks/local.py [--json] [--rounds 5]``.

Installs the peers into a virtual environment of their own, measures every contender in a process of
its own, one after the other in each round, and prints the median over the rounds. A ratio is taken
within each round first, so that a machine that gets slower on the way counts on both sides. Ends
with 1 if a target is missed.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
VENV = HERE / ".venv-local"
PEERS = [
    "anyio==4.16.0",
    "aiometer==1.0.0",
    "lionherd-core==1.0.0a7",
    "stamina==26.1.0",
    "tenacity==9.2.1",
]
OURS = "lionherd_dist"
CONTENDERS = {
    "bounded_map": [OURS, "aiometer", "lionherd-core"],
    "gather": [OURS, "anyio", "anyio.gather", "anyio.amap", "lionherd-core"],
    "stream": [OURS, "anyio", "anyio.as_completed", "lionherd-core"],
    "race": [OURS, "anyio", "lionherd-core"],
    "retry": [OURS, "lionherd-core", "tenacity", "stamina"],
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is promised of *pattern*: *value* holds *at_most* or *at_least*."""

    pattern: str
    promise: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    def held(self) -> bool:
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


Rounds = list[dict[tuple[str, str], dict[str, float]]]


def prepare() -> str:
    """The path of a Python that has all peers installed."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = VENV / "installed"
    if not stamp.exists() or stamp.read_text() != "\n".join(PEERS):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PEERS], check=True)
        stamp.write_text("\n".join(PEERS))
    return str(python)


def run_rounds(python: str, rounds: int) -> Rounds:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    script = str(HERE / "local_contenders" / "measure.py")
    done: Rounds = []
    for number in range(rounds):
        results = {}
        for pattern, contenders in CONTENDERS.items():
            # Every other round backwards: nobody always follows the one that heats the machine.
            for contender in contenders if number % 2 == 0 else reversed(contenders):
                command = [python, script, pattern, contender]
                output = subprocess.run(
                    command, check=True, capture_output=True, text=True, env=environment
                ).stdout
                results[pattern, contender] = json.loads(output)
        done.append(results)
    return done


def per_item_s(rounds: Rounds, pattern: str, contender: str) -> float:
    return median(results[pattern, contender]["per_item_s"] for results in rounds)


def ratio(rounds: Rounds, pattern: str, above: str, below: str) -> float:
    """How many times as long *above* takes as *below*: the median of the rounds' ratios."""
    return median(
        results[pattern, above]["per_item_s"] / results[pattern, below]["per_item_s"]
        for results in rounds
    )


def targets(rounds: Rounds) -> list[Target]:
    def faster(pattern: str, peer: str, times: float) -> Target:
        value = ratio(rounds, pattern, peer, OURS)
        return Target(pattern, f"times as fast as {peer}", value, "x", at_least=times)

    def near(pattern: str, times: float) -> Target:
        value = ratio(rounds, pattern, OURS, "anyio")
        return Target(pattern, "time of a bare anyio task group", value, "x", at_most=times)

    peak = max(results["bounded_map", OURS]["above_mib"] for results in rounds)
    retry_us = per_item_s(rounds, "retry", OURS) * 1e6
    return [
        faster("bounded_map", "aiometer", 15),
        faster("bounded_map", "lionherd-core", 30),
        Target("bounded_map", "peak memory above the results", peak, " MiB", at_most=10),
        near("gather", 1.15),
        near("stream", 1.4),
        near("race", 1.3),
        Target("retry", "one success", retry_us, " µs", at_most=2.5),
        *(faster("retry", peer, 1) for peer in CONTENDERS["retry"][1:]),
    ]


def print_table(rounds: Rounds, checked: list[Target]) -> None:
    print(f"{'pattern':<13}{'contender':<19}{'µs per item':>12}{'x ours':>9}{'peak MiB':>10}")
    for pattern, contenders in CONTENDERS.items():
        for contender in contenders:
            item_us = per_item_s(rounds, pattern, contender) * 1e6
            times = ratio(rounds, pattern, contender, OURS)
            above = max(results[pattern, contender]["above_mib"] for results in rounds)
            print(f"{pattern:<13}{contender:<19}{item_us:>12.2f}{times:>9.2f}{above:>10.1f}")
    print(f"\n{'target':<48}{'measured':>12}{'asked':>14}")
    for target in checked:
        sign, bound = (">=", target.at_least) if target.at_most is None else ("<=", target.at_most)
        name = f"{target.pattern}: {target.promise}"
        mark = "pass" if target.held() else "FAIL"
        measured, asked = f"{target.value:.2f}{target.unit}", f"{sign} {bound:g}{target.unit}"
        print(f"{name:<48}{measured:>12}{asked:>14}  {mark}")


def main() -> int:
    parser = argparse.ArgumentParser(description="The in-process patterns beside their peers.")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    options = parser.parse_args()
    rounds = run_rounds(prepare(), options.rounds)
    checked = targets(rounds)
    if options.json:
        cases = [
            {"pattern": p, "contender": c, "rounds": [results[p, c] for results in rounds]}
            for p, contenders in CONTENDERS.items()
            for c in contenders
        ]
        held = [{**asdict(target), "held": target.held()} for target in checked]
        print(json.dumps({"cases": cases, "targets": held}, indent=1))
    else:
        print_table(rounds, checked)
    return 0 if all(target.held() for target in checked) else 1


if __name__ == "__main__":
    sys.exit(main())
