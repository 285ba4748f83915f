"""Warnings of a command: ours are sentences, those of the user's code are Python's."""

import sys
import warnings

import pytest

from lionherd_dist.cli import own_warnings
from lionherd_dist.cli.own_warnings import told_in_sentences
from lionherd_dist.errors import LimiterWarning


def test_a_warning_of_ours_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """By its class, or by the file that it stands in; with control characters escaped."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with told_in_sentences(lambda: True):
            warnings.warn("limiter 'api' has \x1b5 tokens", LimiterWarning, stacklevel=1)
            warnings.warn_explicit("odd", RuntimeWarning, own_warnings.__file__, 3)
    assert capsys.readouterr().err == ("Warning: limiter 'api' has \\x1b5 tokens\nWarning: odd\n")


@pytest.mark.parametrize("wanted", [True, False])
def test_other_warnings_stay_as_they_are(capsys: pytest.CaptureFixture[str], wanted: bool) -> None:
    """With the line that they come from; ours, too, where tasks of the user run."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = python_shows
        with told_in_sentences(lambda: wanted):
            warnings.warn("the user's", UserWarning, stacklevel=1)
            if not wanted:
                warnings.warn("ours", LimiterWarning, stacklevel=1)
    err = capsys.readouterr().err
    assert "UserWarning: the user's" in err
    assert wanted or "LimiterWarning: ours" in err


def python_shows(message, category, filename, lineno, *_) -> None:
    """As Python does where nobody records warnings, as pytest does."""
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))


def test_a_limiter_of_another_total_is_told_in_a_sentence(run, server, worker) -> None:
    """On standard error of the command, once."""
    assert run("limits", "set", "api", "3", "--create", *server)[0] == 0
    status, _, err = run("map", "my_tasks:double", "--limiter", "api:4", *server, stdin="1")
    assert status == 0
    assert err.count("Warning: limiter 'api' has 3 tokens") == 1
    assert "LimiterWarning" not in err
    assert ".py" not in err
