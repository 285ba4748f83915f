"""The life of a call, from submit to its end, against the real scripts on a real server."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from model.driver import link_to
from model.scenes import SCENES, play
from model.working import Whole

EXAMPLES = int(os.environ.get("LIONHERD_MODEL_EXAMPLES", "0"))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_what_chance_brings_rarely_is_played_by_hand(
    redis_url: str, scene: Callable[[Whole], None]
) -> None:
    """The same comparison after each step as in the long run below."""
    with link_to(f"{redis_url}?db=1") as link:
        play(scene, type("Bound", (Whole,), {"link": link}))


@pytest.mark.timeout(0 if EXAMPLES else 120)
def test_whatever_happens_in_whatever_order_the_scripts_keep_their_promises(redis_url: str) -> None:
    """Set LIONHERD_MODEL_EXAMPLES for a longer run, which draws other examples each time."""
    with link_to(f"{redis_url}?db=1") as link:
        run_state_machine_as_test(
            type("Bound", (Whole,), {"link": link}),
            settings=settings(
                max_examples=EXAMPLES or 110,
                stateful_step_count=50,
                deadline=None,
                derandomize=not EXAMPLES,
                database=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
