"""What all tests share: fixtures of databases and of the virtual lab, and no skipped test in CI."""

import os
from collections.abc import Generator

import pytest

pytest_plugins = ["tests.databases", "tests.lab"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed in CI: what was not run proves nothing."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not take: {report.longrepr}"
    return report
