"""Fixtures: a running site and a place in it, see tests/fakes."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let histories be recorded anew; see test_replay.py."""
    parser.addoption("--record-histories", action="store_true", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Have the fixtures once a session, whichever folders ask for them."""
    for module in ("tests.fakes.site", "tests.fakes.place"):
        config.pluginmanager.import_plugin(module)
