"""Fixtures: a running site and a place in it, see tests/fakes."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Have the fixtures once a session, whichever folders ask for them."""
    for module in ("tests.fakes.site", "tests.fakes.place"):
        config.pluginmanager.import_plugin(module)
