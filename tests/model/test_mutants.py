"""The test of the test: faults sown into the scripts do not stay unseen."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis.exceptions import ResponseError

from model.driver import link_to
from model.mutants import MUTANTS, Mutant
from model.scenes import SCENES, play
from model.working import Whole

PATIENT = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_in_a_script_is_caught(redis_url: str, mutant: Mutant) -> None:
    """By the model or by a promise; where one survives, a rule is missing."""
    scripts = mutant.scripts()
    assert scripts, f"no script of the model is made of {mutant.file}.lua"
    with link_to(f"{redis_url}?db=1") as link:
        machine = type("Mutated", (Whole,), {"link": link, "replaced": scripts})
        for script in scripts.values():  # it is Lua; what is caught is what it does
            link.send_command("SCRIPT", "LOAD", script.text)
            link.read_response()
        with pytest.raises((AssertionError, ResponseError)):
            for scene in SCENES:
                play(scene, machine)
            run_state_machine_as_test(machine, settings=PATIENT)
