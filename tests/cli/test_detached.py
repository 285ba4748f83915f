"""``map --detach`` and ``map --attach``: a job that outlives the command that sent it."""

import itertools
import json
import os
import signal

import anyio
import pytest
import tasks

from lionherd_dist import Cluster
from lionherd_dist.cli.detached import read
from lionherd_dist.cli.output import LineWriter
from lionherd_dist.cli.tally import Tally, status_line, summary

_numbers = itertools.count(1)


@pytest.fixture
def server(redis_url: str, start) -> tuple[str, ...]:
    """A server with a worker on it, as the options that name them."""
    options = ("--redis", redis_url, "--namespace", f"cli-{os.getpid()}-{next(_numbers)}")
    worker = start("worker", "my_tasks", *options)
    assert b"ready" in worker.stderr.readline().lower()
    return options


def outcomes(out: str) -> dict[int, object]:
    lines = [json.loads(line) for line in out.splitlines()]
    found = {line["index"]: line.get("result", line.get("error")) for line in lines}
    assert len(found) == len(lines)
    return found


def test_a_job_is_sent_by_one_command_and_read_by_another(run, server) -> None:
    """The first prints the id and nothing else; the second ends when all is read."""
    status, out, err = run(
        "map", "my_tasks:double", *server, "--detach", stdin="\n".join(map(str, range(200)))
    )
    assert (status, err) == (0, "")
    job = out.strip()
    status, out, err = run("map", "my_tasks:double", *server, "--attach", job)
    assert status == 0
    assert outcomes(out) == {n: 2 * n for n in range(200)}
    assert "200 done, 0 failed" in err
    status, _, err = run("map", "my_tasks:double", *server, "--attach", job)
    assert status == 1
    assert job in err
    assert "Traceback" not in err


def test_a_killed_reader_is_followed_by_one_that_misses_nothing(run, start, server) -> None:
    """At most the one line that the killed one was writing comes again."""
    items = "\n".join(["0.001"] * 3000)
    _, out, _ = run("map", "my_tasks:wait", *server, "--detach", stdin=items)
    job = out.strip()
    first = start("map", "my_tasks:wait", *server, "--attach", job)
    seen = [json.loads(first.stdout.readline())["index"] for _ in range(50)]
    first.send_signal(signal.SIGKILL)
    rest = first.stdout.read().decode().splitlines()
    seen += [json.loads(line)["index"] for line in rest if line.endswith("}")]
    first.wait(20)
    status, out, err = run("jobs", "attach", *server, job)
    assert status == 0
    assert "is held by the session of another reader" in err
    after = list(outcomes(out))
    assert set(seen) | set(after) == set(range(3000))
    assert len(set(seen) & set(after)) <= 1


@pytest.mark.anyio
async def test_a_reader_sees_how_far_the_whole_job_is(cluster: Cluster) -> None:
    """Of all its items, with what was read before; the summary is of what this reader did."""
    job = await cluster.submit(map(tasks.double.call, range(10)))
    async with cluster.attach(job) as stream:
        for _ in range(7):
            await anext(stream)  # it is done with six of them
    tally, lines = Tally(), list[bytes]()
    writer = LineWriter(lines.append)
    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        await read(cluster, job, tally, writer)
        group.cancel_scope.cancel()
    assert b"".join(lines).count(b"\n") == 4
    assert status_line(tally).startswith("10 of 10 done, 0 failed")
    assert summary(tally).startswith("4 done, 0 failed")


def test_a_reader_hears_of_items_that_it_never_had(run, server) -> None:
    """Who sent them is gone: the worker tells what failed, in which attempt, and where."""
    _, out, _ = run("map", "my_tasks:double", *server, "--detach", stdin='{"id": 7}\n')
    status, out, err = run("jobs", "attach", out.strip(), "--traceback", *server)
    line = json.loads(out)
    assert (status, line["index"], line["item"]) == (1, 0, {"id": 7})
    assert (line["error"]["type"], line["error"]["attempt"]) == ("TypeError", 1)
    assert "return x * 2" in line["error"]["traceback"]
    assert 'the first: item 0 ({"id": 7}), attempt 1: ' in err


def test_a_bad_line_fails_in_its_place_as_it_does_in_map(run, server) -> None:
    """So does an item that cannot be sent; what is around them runs."""
    items = '1\nx x\n"\\ud800"\n"ab"\n'
    status, out, _ = run("map", "my_tasks:double", *server, "--detach", stdin=items)
    assert status == 0
    status, detached, err = run("jobs", "attach", *server, out.strip())
    assert status == 1
    assert "4 done, 2 of them failed" in err
    status, direct, _ = run("map", "my_tasks:double", *server, stdin=items)
    assert status == 1
    assert sorted(detached.splitlines()) == sorted(direct.splitlines())


def test_a_job_has_the_name_that_it_was_given(run, server) -> None:
    """``jobs`` shows it; without --detach there is no job to name."""
    status, out, _ = run(
        "map", "my_tasks:double", *server, "--detach", "--name", "nightly", stdin="1"
    )
    assert status == 0
    _, shown, _ = run("jobs", "show", *server, "--json", out.strip())
    assert json.loads(shown)["label"] == "nightly"
    status, _, err = run("map", "my_tasks:double", *server, "--name", "nightly", stdin="1")
    assert status == 2
    assert "--detach" in err


def test_a_living_reader_keeps_its_job(run, start, server) -> None:
    """However long another waits; and that says so at once, where it is not to wait."""
    _, out, _ = run("map", "my_tasks:wait", *server, "--detach", stdin="0.01\n60\n")
    job = out.strip()
    first = start("jobs", "attach", *server, job)
    first.stdout.readline()
    for seconds in ("0", "0.2"):
        status, _, err = run("jobs", "attach", *server, job, "--wait", seconds)
        assert status == 1
        assert "is being read by" in err
        assert ("Waiting up to" in err) == (seconds != "0")
    assert run("jobs", "attach", *server, job, "--wait", "-1")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--detach",), "--redis"),
        (("--attach", "x"), "--redis"),
        (("--detach", "--attach", "x", "--redis", "redis://h"), "one of them"),
        (("--attach", "x", "--ordered", "--redis", "redis://h"), "--ordered"),
        (("--attach", "x", "--input", "my_tasks.py", "--redis", "redis://h"), "no input"),
    ],
)
def test_what_does_not_go_together_is_refused(
    here, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    """In a sentence that says what to do."""
    assert here("map", "my_tasks:double", *arguments) == 2
    assert words in capsys.readouterr().err
