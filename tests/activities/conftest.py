"""Fixtures of a hypervisor under test, see virtual_lab.py."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Have the fixtures once a session."""
    config.pluginmanager.import_plugin("tests.activities.virtual_lab")
