"""What is measured is what the page says; what is logged is on one line."""

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from lionherd_dist import logs
from lionherd_dist.logs import log_to_stderr, note
from lionherd_dist.prometheus import PrometheusRecorder
from lionherd_dist.runtime.meter import counted_as, queued_s
from lionherd_dist.store.calls import Again, Back, Dead, Done, Taken
from lionherd_dist.telemetry import INSTRUMENTS, LEASES_LOST, MOST_LABELS, OTHERS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "telemetry.md").read_text()
TAKEN = Taken(b"1000-0", "job", 0, 1, 0, 0, b"")


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """The package's logger, which is afterwards as it was."""
    logger = logging.getLogger("lionherd_dist")
    before = logger.handlers[:], logger.level, logger.propagate
    yield logger
    logger.handlers[:], logger.level, logger.propagate = before


def test_the_table_of_instruments_is_the_code() -> None:
    """Each name, kind, label and meaning, in the same order."""
    row = r"^\| `(lionherd_\w+)` \| (\w+) \| `?(\w*)`? ?\| (.+) \|$"
    rows = re.findall(row, PAGE, re.MULTILINE)
    assert rows == [(one.name, one.kind, one.label, one.meaning) for one in INSTRUMENTS]


def test_the_table_of_events_is_the_code() -> None:
    """Each event that is logged anywhere, with its level."""
    documented = set(re.findall(r"^\| `([a-z ]+)` \| (\w+) \| `.+ \|$", PAGE, re.MULTILINE))
    found = set()
    for file in (ROOT / "lionherd_dist").rglob("*.py"):
        for level, event in re.findall(
            r'(?:note|tell)\(\s*logging\.(\w+),\s*"([^"]+)"', file.read_text()
        ):
            found.add((event, level.lower()))
    assert documented == found
    assert len(found) == 12


@pytest.mark.parametrize("one", INSTRUMENTS, ids=lambda one: one.name)
def test_prometheus_is_told_each_instrument_under_its_name(one) -> None:
    """And its value: added, set or sorted in; beside its label, where it has one."""
    registry = CollectorRegistry()
    PrometheusRecorder(registry).record(one, 2, "api")
    suffix = {"counter": "_total", "gauge": "", "histogram": "_sum"}[one.kind]
    label = f'{{{one.label}="api"}}' if one.label else ""
    assert f"\n{one.name}{suffix}{label} 2.0\n" in generate_latest(registry).decode()


def test_a_limiter_for_each_customer_does_not_fill_the_memory() -> None:
    """The first names have a series each, and all others one together; no loss goes uncounted."""
    registry = CollectorRegistry()
    recorder = PrometheusRecorder(registry)
    for number in [*range(1_000), 0]:
        recorder.record(LEASES_LOST, 1, f"customer-{number}")
    lines = generate_latest(registry).decode().splitlines()
    counts = dict(
        line.removeprefix("lionherd_leases_lost_total").split()
        for line in lines
        if line.startswith("lionherd_leases_lost_total{")
    )
    assert len(counts) == MOST_LABELS + 1
    assert counts['{limiter="customer-0"}'] == "2.0"
    assert counts[f'{{limiter="{OTHERS}"}}'] == f"{1_000 - MOST_LABELS:.1f}"


@pytest.mark.parametrize(
    ("settled", "name"),
    [
        (Done(TAKEN, b""), "lionherd_calls_succeeded"),
        (Done(TAKEN, b"", "failure"), "lionherd_calls_failed"),
        (Done(TAKEN, b"", "cancelled"), "lionherd_calls_cancelled"),
        (Again(TAKEN, 2, 10), "lionherd_calls_retried"),
        (Back(TAKEN), "lionherd_calls_handed_back"),
        (Dead(TAKEN, b""), "lionherd_calls_dead"),
    ],
)
def test_each_end_of_a_call_has_its_counter(settled, name: str) -> None:
    """One, and no other."""
    assert counted_as(settled).name == name


def test_the_wait_in_the_queue_is_counted_from_the_entry() -> None:
    """In seconds of the server's clock; an estimate that lags behind it makes none negative."""
    assert queued_s(b"1000-7", 3500) == 2.5
    assert queued_s(b"1000-7", 990) == 0


@pytest.mark.parametrize("format_", ["json", "text"])
def test_a_fact_cannot_begin_a_line_or_steer_a_terminal(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, format_
) -> None:
    """Control characters are written as their escapes, in both forms."""
    written = io.StringIO()
    monkeypatch.setattr(logs.sys, "stderr", written)
    log_to_stderr(format_)
    note(logging.WARNING, "limiter tokens lost", limiter="a\nb\x1b[31m\u202e", count=3)
    line, rest = written.getvalue().split("\n")
    assert rest == ""
    assert line.isprintable()
    if format_ == "json":
        found = json.loads(line)
        assert found["limiter"] == "a\\nb\\x1b[31m\\u202e"
        assert (found["event"], found["level"], found["count"]) == (
            "limiter tokens lost",
            "warning",
            3,
        )


def test_warnings_are_written_where_logging_was_not_set_up(
    logger: logging.Logger,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By Python itself, which finds no handler; what is no warning is not."""
    monkeypatch.setattr(logger, "handlers", [])
    logger.propagate = False  # pytest's own handlers are on the root
    note(logging.ERROR, "dead letter", job="j", index=1)
    note(logging.INFO, "session begun", session="s")
    assert capfd.readouterr() == ("", "dead letter job='j' index=1\n")
