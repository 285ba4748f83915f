"""The limiter's scripts against its rules, on a real server, and faults sown into them."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from model.driver import link_to
from model.mutants import Mutant
from redis.exceptions import ResponseError

from limiter.machine import Machine
from limiter.mutants import MUTANTS
from limiter.scenes import SCENES

EXAMPLES = int(os.environ.get("LIONHERD_MODEL_EXAMPLES", "0"))
QUIET = list(HealthCheck)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_what_chance_brings_rarely_is_played_by_hand(
    redis_url: str, scene: Callable[[Machine], None]
) -> None:
    """The same comparison after each step as in the long run below."""
    with link_to(f"{redis_url}?db=2") as link:
        scene(type("Bound", (Machine,), {"link": link})())


@pytest.mark.timeout(0 if EXAMPLES else 120)
def test_whatever_happens_the_limiter_keeps_its_rules(redis_url: str) -> None:
    """Set LIONHERD_MODEL_EXAMPLES for a longer run, which draws other examples each time."""
    with link_to(f"{redis_url}?db=2") as link:
        run_state_machine_as_test(
            type("Bound", (Machine,), {"link": link}),
            settings=settings(
                max_examples=EXAMPLES or 200,
                stateful_step_count=60,
                deadline=None,
                derandomize=not EXAMPLES,
                database=None,
                print_blob=True,
                suppress_health_check=QUIET,
            ),
        )


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_in_a_limiters_script_is_caught(redis_url: str, mutant: Mutant) -> None:
    """By the rules or by a promise; where one survives, a rule is missing."""
    scripts = mutant.scripts()
    assert scripts, f"no script of the model is made of {mutant.file}.lua"
    with link_to(f"{redis_url}?db=2") as link:
        machine = type("Mutated", (Machine,), {"link": link, "replaced": scripts})
        for script in scripts.values():  # it is Lua; what is caught is what it does
            link.send_command("SCRIPT", "LOAD", script.text)
            link.read_response()
        with pytest.raises((AssertionError, ResponseError)):
            for scene in SCENES:
                scene(machine())
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=100,
                    stateful_step_count=60,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    phases=[Phase.generate],
                    report_multiple_bugs=False,
                    suppress_health_check=QUIET,
                ),
            )
