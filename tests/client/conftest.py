"""A fake server, a client of it, and the command as a person would run it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mulligan_client.client import Client
from mulligan_client.command import mulligan
from mulligan_client.store import Login, Store
from tests.client.fake_mulligan import PROJECT, REGION, FakeMulligan

Run = Callable[..., Result]


@pytest.fixture
def fake() -> Iterator[FakeMulligan]:
    """A server whose answers the test chooses."""
    server = FakeMulligan()
    yield server
    server.stop()


@pytest.fixture
def pauses() -> list[float]:
    """The waits between attempts; nobody sleeps."""
    return []


@pytest.fixture
def client(fake: FakeMulligan, pauses: list[float]) -> Iterator[Client]:
    """A client of the fake server."""
    with Client(fake.address, token="the-token", pause=pauses.append) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration folder of a person without any other setting."""
    for name in ("ADDRESS", "TOKEN", "PROJECT", "REGION"):
        monkeypatch.delenv(f"MULLIGAN_{name}", raising=False)
    monkeypatch.setenv("MULLIGAN_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def run(folder: Path) -> Run:
    """Run the command."""

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(mulligan, arguments, input=stdin, prog_name="mulligan")

    return invoke


@pytest.fixture
def logged_in(fake: FakeMulligan, folder: Path) -> Store:
    """Somebody logged in at the fake server, working in project default of region home."""
    store = Store(folder)
    store.write(
        Login(
            address=fake.address,
            token="the-token",
            account="ann",
            project=PROJECT,
            region=REGION,
        )
    )
    return store
