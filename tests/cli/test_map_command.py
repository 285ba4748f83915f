"""``lionherd-dist map`` from end to end, on a private server with workers of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import is_alive, wait_until

ONE_WORKER = ("--workers", "1")


def outcomes(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_every_item_has_an_outcome(run) -> None:
    """Items from standard input, outcomes on standard output, the summary on standard error."""
    status, out, err = run("map", "my_tasks:double", stdin="1\n2\n\n3\n")
    assert status == 0
    assert sorted(outcomes(out), key=str) == [
        {"index": index, "result": 2 * (index + 1)} for index in range(3)
    ]
    assert "3 done, 0 failed" in err


def test_files_and_bare_lines_in_the_order_of_the_input(run, folder: Path) -> None:
    """Several files, text items, --ordered: line n of the output is line n of the input."""
    lines = [f"line {n}" for n in range(300)]
    (folder / "a.txt").write_text("\n".join(lines[:200]))
    (folder / "b.txt").write_text("\n".join(lines[200:]))
    status, out, err = run(
        "map", "my_tasks:double", "a.txt", "--input", "b.txt", "--lines", "--ordered", "--limit",
        "20", "--quiet",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert outcomes(out) == [{"index": n, "result": line * 2} for n, line in enumerate(lines)]


def test_failures_are_outcomes_and_the_status_is_1(run) -> None:
    """A failing task, a line that is no JSON, an item that cannot be sent: each fails alone."""
    lines = ["1", "null", "{oops", '"\\ud800"', "2"]
    status, out, err = run(
        "map", "my_tasks:double", "--ordered", *ONE_WORKER, stdin="\n".join(lines)
    )
    assert status == 1
    first, failed, bad, unsendable, last = outcomes(out)
    assert (first["result"], last["result"]) == (2, 4)
    assert failed["error"]["type"] == "TypeError"
    assert bad["error"]["type"] == "JSONDecodeError"
    assert bad["error"]["message"].startswith("standard input, line 3, column 2")
    assert unsendable["error"]["type"] == "EncodeError"
    assert (failed["item"], bad["line"]) == (None, "{oops")
    assert failed["error"]["attempt"] == 1
    assert "ud800" in unsendable["call"]
    assert "5 done, 3 of them failed" in err
    assert "1 TypeError, the first: item 1 (null), attempt 1: unsupported operand" in err


def test_the_attempt_and_the_traceback_of_a_failure_are_told(run) -> None:
    """Each one's where --traceback asks for it, the first one's on standard error by --debug."""
    status, out, err = run(
        "map", "my_tasks:double", "--retry", "1", "--traceback", "--debug", *ONE_WORKER,
        stdin="null\nnull\n",
    )  # fmt: skip
    assert status == 1
    for one in outcomes(out):
        assert one["error"]["attempt"] == 2
        assert "in double\n    return x * 2" in one["error"]["traceback"]
    assert err.count("The first failure: item ") == 1
    assert err.count("return x * 2") == 1


def test_a_report_tells_of_the_run(run, folder: Path) -> None:
    """Its workers, its failures and its limiter are on the page; the outcomes are as ever."""
    lines = [*map(str, range(200)), "null", "{no item"]
    status, out, _ = run(
        "map", "my_tasks:double", "--workers", "2", "--limiter", "api:5", "--report", "out.html",
        stdin="\n".join(lines),
    )  # fmt: skip
    assert (status, len(outcomes(out))) == (1, 202)
    page = (folder / "out.html").read_text()
    assert "Done: 202 of 202 calls" in page
    assert "1 of them came without times" in page  # of what is no item there is no call
    assert 'class="strip"' in page
    assert "<td>TypeError</td>" in page
    assert "Limiter occupancy" in page


def test_a_run_that_is_stopped_has_a_report_of_what_was_done(start, folder: Path) -> None:
    """Ctrl-C, and the page is there."""
    process = start("map", "my_tasks:wait", *ONE_WORKER, "--report", "out.html")
    process.stdin.write(b"0\n60\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["result"] == 0
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 130
    assert "Stopped after 1 calls" in (folder / "out.html").read_text()


def test_retry_and_timeout_hold_for_each_attempt(run) -> None:
    """--retry adds attempts to the first; --timeout ends one."""
    status, out, _ = run("map", "my_tasks:fail_until", "--retry", "2", *ONE_WORKER, stdin='"marks"')
    assert (status, outcomes(out)) == (0, [{"index": 0, "result": "at last"}])
    status, out, _ = run("map", "my_tasks:wait", "--timeout", "0.2", *ONE_WORKER, stdin="30")
    assert status == 1
    assert outcomes(out)[0]["error"]["type"] == "TimeoutError"


def test_a_reader_that_has_enough_ends_it_quietly(start, folder: Path) -> None:
    """As before ``| head``: no word, a status of its own, and nothing goes on."""
    (folder / "many").write_text("1\n" * 100_000)
    process = start("map", "my_tasks:double", "many", *ONE_WORKER)
    assert json.loads(process.stdout.readline())["result"] == 2
    process.stdout.close()
    assert process.wait(40) == 141
    told = process.stderr.read().decode()
    assert "Traceback" not in told
    assert "Error" not in told


def test_ctrl_c_cancels_and_says_what_was_done(start, folder: Path) -> None:
    """Status 130, whole lines only, one paragraph, and the workers are gone."""
    process = start("map", "my_tasks:wait", *ONE_WORKER)
    process.stdin.write(b"0\n" + b"60\n" * 50)
    process.stdin.flush()  # and stays open: a read is under way all the time
    assert json.loads(process.stdout.readline())["result"] == 0
    wait_until(
        lambda: len((folder / "pids").read_text().split()) == 51, "all calls run on the worker"
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 130
    outcomes(process.stdout.read().decode())
    told = process.stderr.read().decode()
    assert "Stopped by Ctrl-C" in told
    assert "1 items done" in told or "1 item done" in told
    assert "Traceback" not in told
    (worker,) = {int(pid) for pid in (folder / "pids").read_text().split()}
    assert worker != process.pid
    wait_until(lambda: not is_alive(worker), "the worker has ended")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["my_tasks:nope"],
            "my_tasks has no task 'nope'; its tasks are: double, wait, fail_until,",
        ),
        (["my_tasks:add"], "map calls a task with one argument, the item"),
        (["my_tasks:plain"], "plain in my_tasks is a plain function: put @task above it"),
        (["my_tasks"], "'my_tasks' does not name a task: write MODULE:TASK"),
        (["nowhere:x"], "there is no module 'nowhere'"),
        (["nowhere.py:double"], "a module is named without .py, 'nowhere'"),
        (["my_tasks:double", "--limit", "0"], "--limit"),
        (["my_tasks:double", "nofile"], "nofile"),
        (["my_tasks:double", "--report", "no/where.html"], "nothing can be written in"),
        (["my_tasks:double", "--redis", "redis://h", "--detach", "--report", "r"], "--report is"),
        (["my_tasks:double", "--redis", "redis://h", "--workers", "2"], "--workers is about"),
        (["my_tasks:double", "--redis", "http://h"], "'http' is no scheme"),
        (["my_tasks:double", "--namespace", "a b"], "namespace 'a b'"),
    ],
)
def test_wrong_usage_is_one_paragraph_and_status_2(
    here, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Each says what is wrong and what to do; nothing is started."""
    assert here("map", *arguments) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert "Traceback" not in told.err
    assert told.out == ""


def test_outcomes_come_while_the_input_is_still_open(start) -> None:
    """Items are streamed: the first is done before the second is known."""
    process = start("map", "my_tasks:double", *ONE_WORKER)
    for number in range(3):
        os.write(process.stdin.fileno(), f"{number}\n".encode())
        assert json.loads(process.stdout.readline()) == {"index": number, "result": number * 2}
    process.stdin.close()
    assert process.wait(40) == 0


@pytest.mark.parametrize(("redirection", "done"), [("<&-", 0), (">&- < items", 2)])
def test_a_closed_stream_is_an_empty_one(folder: Path, start, redirection: str, done: int) -> None:
    """Nothing is read from it, or written to it, and nothing else gets its number."""
    (folder / "items").write_text("1\n2\n")
    command = f'"{sys.executable}" -m lionherd_dist map my_tasks:double --workers 1 {redirection}'
    ran = subprocess.run(
        ["sh", "-c", command], check=False, cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert f"{done} done, 0 failed" in ran.stderr
    assert ran.stdout == ""


def test_workers_of_its_own_are_told_of_where_a_server_is_named(
    here, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The environment's server is not used, and a shared limiter there is not shared."""
    monkeypatch.setenv("LIONHERD_REDIS_URL", "redis://127.0.0.1:1")
    (folder / "numbers").write_text("1\n")
    assert here("map", "my_tasks:double", *ONE_WORKER, "numbers") == 0
    out, err = capfd.readouterr()
    assert out == '{"index": 0, "result": 2}\n'
    assert "the server that the environment names is not used" in err


def test_a_line_that_is_no_item_is_not_the_first_failure(run) -> None:
    """The first that a worker had is told with its traceback."""
    status, _, err = run("map", "my_tasks:double", "--debug", *ONE_WORKER, stdin="{oops\nnull\n")
    assert status == 1
    assert "The first failure: item 1 (null)" in err
    assert "return x * 2" in err
