"""``limits`` and ``map --limiter`` before a server with a real worker."""

import io

from .conftest import Ask, wait_until


def test_a_jobs_limiter_is_seen_set_and_taken_away(ask: Ask, seen, worker, submit) -> None:
    """While its calls run: listed, resized for everybody, a holder evicted, nothing left."""
    job = submit("wait", *["60"] * 30, more=("--limiter", "api:4"))
    wait_until(lambda: seen("status")["calls"]["in_hand"] == 4, "four calls are in hand")
    (row,) = seen("limits", "ls")["limiters"]
    assert (row["name"], row["total"], row["borrowed"], row["waiting"]) == ("api", 4, 4, 1)
    assert seen("status")["limiters"] == [row]
    assert seen("jobs", "show", job)["limiter"] == "api"  # why it is no faster
    assert ask("jobs", "ls")[1].splitlines()[2].split()[-3] == "api"  # and its age, of two words
    status, out, _ = ask("limits", "set", "api", "6")
    assert (status, out) == (0, "limiter api has 6 tokens; it had 4\n")
    wait_until(lambda: seen("status")["calls"]["in_hand"] == 6, "six calls are in hand")
    listed = seen("limits", "show", "api")["listed"]
    assert listed == [{"owner": job, "held": 6, "waiting": 1, "place": ""}]
    status, out, _ = ask("limits", "show", "api")
    assert (status, "set at run time" in out, job in out) == (0, True, True)
    status, out, _ = ask("limits", "evict", "api", job)
    assert (status, out) == (0, f"of {job}, 6 tokens and 1 place in the queue are given on\n")
    assert ask("jobs", "cancel", job)[0] == 0


def test_limits_that_are_not_there_are_named(ask: Ask) -> None:
    """With what to do instead."""
    status, _, err = ask("limits", "show", "nothing")
    assert (status, "no limiter 'nothing'" in err, "limits ls" in err) == (1, True, True)
    status, _, err = ask("limits", "evict", "nothing", "nobody")
    assert (status, "neither holds nor waits" in err) == (1, True)


def test_a_name_that_no_limiter_can_have_is_set_for_nobody(ask: Ask, seen) -> None:
    """A slip of the finger would be a limiter that stays for thirty days and limits nothing."""
    for name in ("a b", "api}", "", "x" * 201):
        status, _, err = ask("limits", "set", name, "5")
        assert (status, "is no name for a limiter" in err) == (2, True)
    assert seen("limits", "ls")["limiters"] == []


def test_a_limiter_that_nothing_uses_is_made_on_request_only(ask: Ask, seen, monkeypatch) -> None:
    """A slip of the finger names those that are near; a terminal is asked."""
    assert ask("limits", "set", "api", "5", "--create")[0] == 0
    status, out, err = ask("limits", "set", "apj", "6")
    assert (status, out) == (1, "")
    assert "no limiter 'apj'" in err
    assert "did you mean api?" in err
    assert "--create" in err
    assert [row["name"] for row in seen("limits", "ls")["limiters"]] == ["api"]
    assert ask("limits", "set", "api", "6") == (0, "limiter api has 6 tokens; it had 5\n", "")
    for answer, names in (("n", ["api"]), ("y", ["api", "apj"])):
        terminal = io.StringIO(f"{answer}\n")
        terminal.isatty = lambda: True
        monkeypatch.setattr("sys.stdin", terminal)
        status, _, err = ask("limits", "set", "apj", "6")
        assert "Make it? [y/N]" in err
        assert status == (0 if answer == "y" else 130)
        assert [row["name"] for row in seen("limits", "ls")["limiters"]] == names


def test_a_limiter_is_given_by_name_and_number(run, server) -> None:
    """What is neither is refused before anything is sent."""
    for text in ("api", "api:0", ":5", "api:five"):
        status, _, err = run("map", "my_tasks:double", "--limiter", text, *server, stdin="1")
        assert status == 2
        assert "NAME:N" in err
    both = ("--limit", "3", "--limiter", "api:3")
    status, _, err = run("map", "my_tasks:double", *both, *server, stdin="1")
    assert (status, "give one of them" in err) == (2, True)
