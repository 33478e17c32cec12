"""Where the login is kept, who can read it, and to whom the token goes."""

import stat
from pathlib import Path

import pytest

from mulligan_client.complaint import ComplaintError
from mulligan_client.session import Session
from mulligan_client.store import Login, Store


def test_only_the_owner_reads_the_login(tmp_path: Path) -> None:
    store = Store(tmp_path / "config")
    store.write(Login(address="127.0.0.1:1", token="t"))
    store.write(Login(address="127.0.0.1:2", token="t"))
    assert store.read() == Login(address="127.0.0.1:2", token="t")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert list(store.path.parent.iterdir()) == [store.path]


def test_without_a_login_there_is_an_empty_one(tmp_path: Path) -> None:
    assert Store(tmp_path).read() == Login()


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    store = Store(tmp_path)
    store.path.write_text(content)
    with pytest.raises(ValueError, match=str(store.path)):
        store.read()


def test_the_folder_can_be_chosen(folder: Path) -> None:
    assert Store.default().path.parent == folder


def test_a_token_stays_with_the_address_it_is_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(folder).write(Login(address="127.0.0.1:1", token="t", project="p"))
    assert Session().login.token == "t"
    assert Session(address="127.0.0.1:1").login.token == "t"
    assert Session(address="127.0.0.1:2").login == Login(address="127.0.0.1:2")
    monkeypatch.setenv("MULLIGAN_ADDRESS", "127.0.0.1:3")
    monkeypatch.setenv("MULLIGAN_TOKEN", "other")
    assert Session().login == Login(address="127.0.0.1:3", token="other")


def test_who_is_not_logged_in_is_told_how(folder: Path) -> None:
    with pytest.raises(ComplaintError) as raised:
        _ = Session().client
    assert "mulligan login ADDRESS" in raised.value.do
