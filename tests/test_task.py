"""What may be a task, and what a task makes of its options."""

import pytest
import tasks

from lionherd_dist import NotATaskError, Retry, TaskNameError, gather, task
from lionherd_dist.task import as_call, tasks_of


def test_a_task_is_known_by_module_and_name() -> None:
    """Unless it is given a name of its own."""
    assert tasks.double.name == "tasks:double"
    assert task(name="mine")(len).name == "mine"


@pytest.mark.parametrize("name", ["", "a b", "x" * 201, "é"])
def test_a_name_that_cannot_travel_is_refused(name: str) -> None:
    """With the letters that can."""
    with pytest.raises(TaskNameError, match="A-Z a-z"):
        task(name=name)(len)


def test_what_workers_could_not_find_is_refused() -> None:
    """A function inside another one, or in a class, has to be given a name."""
    with pytest.raises(TaskNameError, match="no function of a module"):

        @task
        async def inner() -> None: ...

    with pytest.raises(TaskNameError, match="no function of a module"):
        task(Retry.wants)


def test_a_generator_is_no_task() -> None:
    """A call has one result."""

    async def many():
        yield 1

    def some():
        yield 1

    for function in (many, some):
        with pytest.raises(NotATaskError, match="generator"):
            task(name="x")(function)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_above_zero(timeout: float) -> None:
    """Where it is given, not where it would be used."""
    with pytest.raises(ValueError, match="timeout is"):
        task(timeout=timeout)
    with pytest.raises(ValueError, match="timeout is"):
        tasks.double.with_options(timeout=timeout)


def test_two_tasks_of_one_name_are_refused() -> None:
    """The same one twice is not."""
    import types

    module = types.ModuleType("m")
    module.a = module.b = tasks.double  # type: ignore[attr-defined]
    assert tasks_of([module]) == {"tasks:double": tasks.double}
    module.c = task(name="tasks:double")(len)  # type: ignore[attr-defined]
    with pytest.raises(TaskNameError, match="two tasks"):
        tasks_of([module])


def test_a_task_of_the_program_itself_cannot_travel() -> None:
    """No worker can import it."""
    call = task(name="__main__:f")(len).call([1])
    with pytest.raises(NotATaskError, match="module of its own"):
        as_call(call)


@pytest.mark.anyio
async def test_a_call_brings_its_options_along_in_process_too() -> None:
    """Its own timeout and retry replace the task's."""
    tasks.new_stage()
    with pytest.raises(ExceptionGroup) as caught:
        await gather(tasks.after.with_options(timeout=0.01)(1, 30))
    assert "longer than 0.01 s" in str(caught.value.exceptions[0])
    once = tasks.flaky.with_options(retry=Retry(attempts=1))
    with pytest.raises(ExceptionGroup):
        await gather(once("a", 2))
    assert tasks.stage.attempts == {"a": 1}
