"""What a stream tells of its progress and of its calls, and that telling costs no outcome."""

import sys

import pytest
import tasks

from lionherd_dist import Cluster, ExtraMissingError, Progress, Ran
from lionherd_dist.bar import RichBar
from lionherd_dist.call import Failure, Outcome, Success
from lionherd_dist.cluster import telling
from lionherd_dist.cluster.telling import Listeners, Teller

pytestmark = pytest.mark.anyio


async def consumed(cluster: Cluster, count: int, **listeners: object) -> int:
    calls = [tasks.fail_on_three.call(n) for n in range(count)]
    async with cluster.completion_stream(
        calls,
        limit=4,
        return_exceptions=True,
        **listeners,
    ) as stream:
        return len([index async for index, _ in stream])


async def test_the_last_word_has_the_counts(cluster: Cluster) -> None:
    """Once at the end, whatever the pace: all done, those that failed, and how many there are."""
    told: list[Progress] = []
    assert await consumed(cluster, 10, progress=told.append) == 10
    assert (told[-1].done, told[-1].failed, told[-1].total) == (10, 1, 10)
    assert told[-1].per_second == pytest.approx(10 / told[-1].elapsed_s)


async def test_a_callback_that_fails_costs_no_outcome(cluster: Cluster) -> None:
    """It is called no more, and the stream goes on."""
    calls = 0

    def fail(_: object) -> None:
        nonlocal calls
        calls += 1
        raise ValueError("mine")

    assert await consumed(cluster, 10, progress=fail, on_ran=fail) == 10
    assert calls == 2


async def test_calls_tell_when_and_where_they_ran(cluster: Cluster) -> None:
    """Of each call, failures included; and of none where nobody asks."""
    ran: list[Ran] = []
    assert await consumed(cluster, 10, on_ran=ran.append) == 10
    assert len(ran) == 10
    assert sum(one.failed for one in ran) == 1
    assert all(one.worker and one.attempt == 1 and one.ran_ms >= 0 for one in ran)
    begun = [one.begun_ms for one in ran]
    assert max(begun) - min(begun) < 60_000


async def test_a_map_tells_of_its_progress_too(cluster: Cluster) -> None:
    """The same function, the same values."""
    told: list[Progress] = []
    doubled = await cluster.bounded_map(tasks.double, range(5), limit=2, progress=told.append)
    assert doubled == [0, 2, 4, 6, 8]
    assert (told[-1].done, told[-1].failed, told[-1].total) == (5, 0, 5)


async def test_gathered_calls_tell_of_their_progress_too(cluster: Cluster) -> None:
    """Failures are counted where they stand among the results."""
    told: list[Progress] = []
    calls = [tasks.fail_on_three.call(n) for n in range(5)]
    outcomes = await cluster.gather(*calls, return_exceptions=True, progress=told.append)
    assert len(outcomes) == 5
    assert (told[-1].done, told[-1].failed, told[-1].total) == (5, 1, 5)


async def test_a_job_that_is_read_on_goes_on_to_count(cluster: Cluster) -> None:
    """What others read stands in the count, and not in the rate."""
    job = await cluster.submit(map(tasks.fail_on_three.call, range(10)))
    first: list[Progress] = []
    async with cluster.attach(job, progress=first.append) as stream:
        seen = [(await anext(stream))[0] for _ in range(7)]  # it is done with six of them
    assert (first[-1].done, first[-1].total, first[-1].before) == (7, 10, 0)
    then: list[Progress] = []
    async with cluster.attach(job, progress=then.append) as stream:
        assert (then[0].done, then[0].total) == (6, 10)  # however slow the next one is
        seen += [index async for index, _ in stream]
    assert (then[-1].done, then[-1].total, then[-1].before) == (10, 10, 6)
    assert then[-1].per_second == pytest.approx(4 / then[-1].elapsed_s)
    assert first[-1].failed + then[-1].failed == (2 if seen[6] == 3 else 1)  # one was given twice


async def test_a_reader_whose_bar_cannot_be_drawn_keeps_nobody_out(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is still there for the next one."""
    job = await cluster.submit([tasks.double.call(1)])
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "rich.console", None)
        patched.delitem(sys.modules, "lionherd_dist.bar", raising=False)
        with pytest.raises(ExtraMissingError):
            async with cluster.attach(job, progress=True):
                pass
    async with cluster.attach(job) as stream:
        assert [pair async for pair in stream] == [(0, 2)]


async def test_true_draws_a_bar_on_standard_error(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the counts beside it; standard output is the program's own."""
    assert await consumed(cluster, 10, progress=True) == 10
    out, err = capsys.readouterr()
    assert out == ""
    assert "10/10 done, 1 of them failed" in err


async def test_the_time_that_is_left_is_told_where_the_total_is_known(cluster: Cluster) -> None:
    """From the first look on, of items whose number is known; none of an endless source."""
    looks: list[Progress] = []

    def slowly(progress: Progress) -> None:
        looks.append(progress)

    await cluster.bounded_map(tasks.brief, [0.05] * 8, limit=1, progress=slowly)
    assert {look.total for look in looks} == {8}
    assert all(look.left_s == pytest.approx((8 - look.done) / look.per_second) for look in looks)
    assert looks[-1].left_s == 0
    assert Progress(done=3, failed=0, total=None, elapsed_s=1, per_second=3).left_s is None
    assert Progress(done=0, failed=0, total=9, elapsed_s=1, per_second=0).left_s is None


def test_the_bar_shows_the_time_that_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the counts and the rate."""
    bar = RichBar()
    bar.show(Progress(done=25, failed=0, total=100, elapsed_s=10, per_second=2.5))
    bar.close()
    assert "25/100 done  2/s  30 s left" in capsys.readouterr().err


async def test_a_bar_without_its_extra_names_the_extra(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before there is a job that nobody would close."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.delitem(sys.modules, "lionherd_dist.bar", raising=False)
    with pytest.raises(ExtraMissingError, match=r'pip install "lionherd-dist\[cli\]"'):
        await consumed(cluster, 1, progress=True)
    assert not list(cluster._link.jobs)


class Gone:
    """A bar whose terminal went away."""

    def show(self, _: Progress) -> None:
        raise OSError("no terminal")

    def close(self) -> None:
        raise OSError("no terminal")


async def test_a_bar_that_fails_costs_neither_outcome_nor_the_end(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it fails: all outcomes come, and the job is closed."""
    monkeypatch.setattr(telling, "open_bar", Gone)
    assert await consumed(cluster, 10, progress=True) == 10
    assert not list(cluster._link.jobs)


def test_it_tells_ten_times_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand outcomes in a second of a clock that the test turns: ten, and the last word."""
    now = [100.0]
    monkeypatch.setattr(telling.time, "monotonic", lambda: now[0])
    told: list[Progress] = []
    teller = Teller(Listeners(told.append), lambda: None)
    outcomes: list[Outcome] = [Success(1), Failure(ValueError())]
    for index in range(1_000):
        now[0] += 0.001
        teller.consumed(outcomes[index % 2])
    teller.end()
    assert 8 <= len(told) <= 11
    assert (told[-1].done, told[-1].failed, told[-1].total) == (1_000, 500, None)
