"""Where the signing key comes from, which ones are refused, and that nothing shows it."""

from pathlib import Path

import pytest

from lionherd_dist.runtime.process import Order, order_of
from lionherd_dist.settings import (
    SIGNING_KEY_FILE_VARIABLE,
    SIGNING_KEY_VARIABLE,
    Settings,
)

KEY, OLD = "0123456789abcdef" * 2, "f" * 64


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SIGNING_KEY_VARIABLE, raising=False)
    monkeypatch.delenv(SIGNING_KEY_FILE_VARIABLE, raising=False)


def test_a_key_is_given_or_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is given wins; without any, nothing is signed."""
    assert Settings().signing_keys == ()
    monkeypatch.setenv(SIGNING_KEY_VARIABLE, f"{KEY} {OLD}")
    assert Settings().signing_keys == (KEY, OLD)
    assert Settings(signing_key=OLD).signing_keys == (OLD,)
    assert Settings(signing_key="").signing_keys == ()
    monkeypatch.delenv(SIGNING_KEY_VARIABLE)
    (tmp_path / "key").write_text(f"{KEY}\n{OLD}\n")
    monkeypatch.setenv(SIGNING_KEY_FILE_VARIABLE, str(tmp_path / "key"))
    assert Settings().signing_keys == (KEY, OLD)


def test_an_environment_that_means_a_key_and_gives_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Rather than going on without signatures."""
    path = tmp_path / "key"
    monkeypatch.setenv(SIGNING_KEY_FILE_VARIABLE, str(path))
    with pytest.raises(ValueError, match="cannot be read: FileNotFoundError"):
        Settings()
    path.write_text(" \n")
    with pytest.raises(ValueError, match="is empty"):
        Settings()
    path.write_bytes(KEY.encode() + b"\xff")
    with pytest.raises(ValueError, match="cannot be read: UnicodeDecodeError") as caught:
        Settings()
    assert caught.value.__cause__ is None
    monkeypatch.setenv(SIGNING_KEY_VARIABLE, KEY)
    with pytest.raises(ValueError, match="both set"):
        Settings()


@pytest.mark.parametrize("key", [KEY[:-1], f"{KEY} {OLD[:8]}", "  ", KEY + "é"])
def test_a_key_that_could_be_guessed_or_misread_is_refused(key: str) -> None:
    """The message says what to give, and does not show what was given."""
    with pytest.raises(ValueError, match=r"signing.key") as caught:
        Settings(signing_key=key)
    assert key[:8].strip() not in str(caught.value) or not key.strip()


def test_settings_and_orders_do_not_show_the_key() -> None:
    """A worker process is given it all the same, in its environment."""
    settings = Settings(signing_key=KEY)
    order = Order(("tasks",), "unix://s", 1, 1.0, settings)
    assert KEY not in f"{settings!r} {settings} {order!r} {order}"
    assert order_of(order.as_text()).settings.signing_keys == (KEY,)
