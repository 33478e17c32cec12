"""What all tests share: fixtures, no skipped test in CI, and the time that each area takes."""

import os
from collections import defaultdict
from collections.abc import Generator, Mapping

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest.register_assert_rewrite("tests.fakes")
pytest_plugins = ["tests.databases", "tests.lab"]

PROCESSES = 2
"""So many run the tests, as the Makefile says."""

BUDGETS_S: Mapping[str, int] = {
    "activities": 210,
    "api": 560,
    "bench": 15,
    "chaos": 210,
    "client": 50,
    "deploy": 420,
    "e2e": 760,
    "faults": 170,
    "mulligan": 240,
    "releases": 20,
    "worker": 55,
    "workflows": 290,
}
"""Seconds of all processes for each folder below tests/, on two cores: each process has 25 minutes.

More is told.
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed in CI: what was not run proves nothing."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, which CI does not take: {report.longrepr}"
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Count the time of each area."""
    config.pluginmanager.register(AreaTimes())


class AreaTimes:
    """How long each area took beside its budget, printed at the end."""

    def __init__(self) -> None:
        self._spent = defaultdict[str, float](float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test's time, whichever process ran it."""
        self._spent[report.nodeid.split("/")[1]] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if not self._spent:
            return
        terminalreporter.section("seconds by area")
        terminalreporter.line(f"{'area':<12}{'took':>7}{'budget':>8}")
        for area, took_s in sorted(self._spent.items()):
            terminalreporter.line(budget_line(area, took_s, BUDGETS_S[area]))
        budget_s = sum(BUDGETS_S[area] for area in self._spent)
        together_s = sum(self._spent.values())
        terminalreporter.line(budget_line("together", together_s, budget_s))


def budget_line(area: str, took_s: float, budget_s: int) -> str:
    """Write one line of the table, with a word when the time is over the budget."""
    return f"{area:<12}{took_s:>7.1f}{budget_s:>8}{'  over' if took_s > budget_s else ''}"
