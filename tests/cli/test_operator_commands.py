"""``status``, ``jobs``, ``dead``, ``doctor`` and ``health`` before a server with a real worker."""

import json
import signal
import socket
from pathlib import Path

import pytest

from .conftest import Ask, wait_until

JOB_FIELDS = {
    *("id", "owner", "kept_ms", "limit", "limiter", "accepted", "total", "done", "read", "backlog"),
    *("in_hand", "room", "age_ms", "left_ms", "reader", "cancelled", "state", "per_second"),
    *("failed", "label", "tasks"),
}


def test_status_shows_workers_jobs_and_calls(ask: Ask, seen, worker, submit) -> None:
    """As numbers in JSON; the same words stand in the tables."""
    job = submit("wait", *["60"] * 30, more=("--limit", "4"))
    wait_until(lambda: seen("status")["calls"]["in_hand"] == 4, "four calls are in hand")
    found = seen("status")
    assert set(found) == {
        *("namespace", "now_ms", "calls", "dead_letters", "session_count"),
        *("workers", "clients", "job_count", "jobs", "limiters"),
    }
    assert found["calls"] == {"backlog": 26, "waiting": 0, "in_hand": 4, "parked": 0}
    (process,) = found["workers"]
    assert set(process) == {"id", "place", "left_ms", "slots", "tasks", "in_hand"}
    assert process["place"] == f"{socket.gethostname()}:{worker.pid}"
    assert (process["slots"], process["in_hand"]) == (10, 4)
    assert "my_tasks:wait" in process["tasks"]
    (row,) = found["jobs"]
    assert set(row) == JOB_FIELDS
    assert (row["id"], row["state"], row["total"], row["limit"]) == (job, "running", 30, 4)
    status, out, err = ask("status")
    assert (status, err) == (0, "")
    for word in (job, process["place"], "my_tasks:wait", "backlog", "running", "jobs (1)"):
        assert word in out
    assert "\x1b" not in out
    assert ask("jobs", "cancel", job)[0] == 0


def test_status_shows_clients(seen, start, server, worker) -> None:
    """With the number of jobs that they have open; the job is named after its owner."""
    client = start("map", "my_tasks:wait", *server)
    client.stdin.write(b"60\n60\n")
    client.stdin.flush()
    wait_until(lambda: bool(seen("status")["jobs"]), "a job is there")
    found = seen("status")
    (row,) = found["clients"]
    assert set(row) == {"id", "place", "left_ms", "jobs"}
    assert (row["place"], row["jobs"]) == (f"{socket.gethostname()}:{client.pid}", 1)
    assert found["jobs"][0]["owner"] == row["id"]
    client.send_signal(signal.SIGINT)
    assert client.wait(20) == 130


def test_watching_in_json_is_a_line_for_each_look(start, server) -> None:
    """Until Ctrl-C, which is how it is left: status 0, no traceback."""
    watch = start("status", "--watch", "--every", "0.1", "--json", *server)
    looks = [json.loads(watch.stdout.readline()) for _ in range(3)]
    assert looks[0]["now_ms"] < looks[1]["now_ms"] < looks[2]["now_ms"]
    watch.send_signal(signal.SIGINT)
    assert watch.wait(20) == 0
    assert watch.stderr.read() == b""


def test_jobs_are_listed_shown_cancelled(ask: Ask, seen, worker, submit) -> None:
    """And what is gone is said to be."""
    job = submit("wait", "60", "60")
    wait_until(lambda: seen("status")["calls"]["in_hand"] == 2, "two calls are in hand")
    listed = seen("jobs", "ls")
    assert (listed["job_count"], [row["id"] for row in listed["jobs"]]) == (1, [job])
    shown = seen("jobs", "show", job)
    assert set(shown) == {*JOB_FIELDS, "calls"}
    assert [call["index"] for call in shown["calls"]] == [0, 1]
    assert set(shown["calls"][0]) == {"index", "since_ms", "attempt", "deaths", "worker"}
    assert shown["calls"][0]["worker"] == seen("status")["workers"][0]["id"]
    assert "nobody: it was submitted" in ask("jobs", "show", job)[1]
    status, out, _ = ask("jobs", "cancel", job)
    assert status == 0
    assert f"{job} is cancelled; 2 of its calls were running" in out
    wait_until(lambda: not seen("jobs", "ls")["jobs"], "it has stopped")
    for command in (("jobs", "show", job), ("jobs", "cancel", job), ("jobs", "attach", job)):
        status, _, err = ask(*command)
        assert status == 1
        assert job in err
        assert "Traceback" not in err


def test_none_is_cancelled_if_one_is_mistyped(ask: Ask, seen, worker, submit) -> None:
    """The command does all or nothing."""
    job = submit("wait", "60")
    assert ask("jobs", "cancel", job, "nope")[0] == 1
    assert [row["id"] for row in seen("jobs", "ls")["jobs"]] == [job]
    assert ask("jobs", "cancel", job)[0] == 0


def test_a_client_whose_job_is_cancelled_says_so(ask: Ask, seen, start, server, worker) -> None:
    """It ends at once, with status 1, and one paragraph."""
    client = start("map", "my_tasks:wait", "-q", *server)
    client.stdin.write(b"60\n")
    client.stdin.close()
    wait_until(lambda: seen("status")["calls"]["in_hand"] == 1, "its call is in hand")
    job = seen("jobs", "ls")["jobs"][0]["id"]
    assert ask("jobs", "cancel", job)[0] == 0
    assert client.wait(20) == 1
    err = client.stderr.read().decode()
    assert f"job {job} was cancelled by an operator" in err
    assert "Traceback" not in err


def test_attach_reads_what_map_attach_reads(run, server, worker, submit) -> None:
    """One line for each outcome; afterwards the job is gone."""
    job = submit("double", "1", "2", "3")
    status, out, err = run("jobs", "attach", job, *server)
    assert status == 0
    lines = sorted((json.loads(line) for line in out.splitlines()), key=lambda line: line["index"])
    assert lines == [{"index": n, "result": 2 * n + 2} for n in range(3)]
    assert "3 done, 0 failed" in err
    status, _, err = run("jobs", "attach", job, *server)
    assert status == 1
    assert job in err


@pytest.fixture
def shouted(folder: Path, run, server, worker) -> None:
    """Two dead letters: of a task that the worker does not know, one with a hostile argument."""
    (folder / "others.py").write_text(
        "from lionherd_dist import task\n@task\ndef shout(text): return text.upper()\n"
    )
    items = json.dumps("\x1b[31mred\u202e") + '\n"plain"\n'
    status, out, _ = run("map", "others:shout", "-q", *server, stdin=items)
    assert status == 1
    assert out.count("UnknownTaskError") == 2


@pytest.mark.usefixtures("shouted")
def test_dead_letters_from_listing_to_dropping(ask: Ask, seen, run, start, server) -> None:
    """Made again once a worker knows the task; hostile text is shown and not obeyed."""
    listed = seen("dead", "ls")
    assert set(listed) == {"namespace", "dead_letters", "letters"}
    assert listed["dead_letters"] == 2
    letter = next(one for one in listed["letters"] if one["index"] == 0)
    assert set(letter) == {
        *("id", "buried_ms", "job", "index", "attempt", "deaths", "task", "args", "kwargs"),
        *("unreadable", "error", "notes"),
    }
    assert (letter["task"], letter["args"]) == ("others:shout", ["\x1b[31mred\u202e"])
    assert letter["error"]["type"] == "UnknownTaskError"
    other = next(one["id"] for one in listed["letters"] if one["index"] == 1)
    assert other in ask("dead", "ls")[1]
    _, out, _ = ask("dead", "show", letter["id"])
    assert "others:shout" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    helper = start("worker", "others", *server)
    assert b"ready" in helper.stderr.readline().lower()
    status, out, _ = ask("dead", "requeue", letter["id"])
    job = out.strip()
    assert status == 0
    status, out, _ = run("jobs", "attach", job, *server)
    assert json.loads(out) == {"index": 0, "result": "\x1b[31MRED\u202e"}
    assert "1 of 1 dropped" in ask("dead", "drop", other)[1]
    assert seen("dead", "ls")["letters"] == []
    for command in ("show", "requeue"):
        status, out, err = ask("dead", command, letter["id"])
        assert status == 1
        assert letter["id"] in err
    assert ask("dead", "drop", letter["id"])[0] == 1
    assert ask("dead", "drop", "nonsense")[0] == 2


def test_health_is_an_exit_status(ask: Ask, worker) -> None:
    """0 with the server and a worker of this host; 1 when the worker has gone."""
    assert ask("health")[0] == 0
    assert ask("health", "--worker")[0] == 0
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    status, _, err = ask("health", "--worker")
    assert status == 1
    assert socket.gethostname() in err
    assert ask("health")[0] == 0


@pytest.mark.parametrize(
    "command",
    [("status",), ("status", "--watch"), ("jobs", "ls"), ("dead", "ls"), ("doctor",), ("health",)],
    ids=" ".join,
)
def test_without_a_server_each_says_so_in_a_paragraph(
    here, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """At once, and without a traceback."""
    assert here(*command, "--redis", "redis://127.0.0.1:1") == 1
    err = capsys.readouterr().err
    assert "redis://127.0.0.1:1" in err
    assert "Traceback" not in err
