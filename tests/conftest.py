"""What all tests share: fixtures, no skipped test in CI, and the time that each area takes."""

import os
from collections import defaultdict
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = ["tests.databases", "tests.lab"]

BUDGETS_S: Mapping[str, int] = {
    "activities": 210,
    "api": 210,
    "bench": 20,
    "chaos": 190,
    "client": 50,
    "deploy": 150,
    "e2e": 230,
    "faults": 200,
    "mulligan": 120,
    "releases": 30,
    "worker": 20,
    "workflows": 70,
}
"""Seconds for each folder below tests/, on two cores: 25 minutes together. More is told."""

_SPENT = pytest.StashKey[defaultdict[str, float]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed in CI: what was not run proves nothing."""
    report = yield
    area = item.path.relative_to(Path(__file__).parent).parts[0]
    item.config.stash.setdefault(_SPENT, defaultdict(float))[area] += call.duration
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not take: {report.longrepr}"
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print how long each area took beside its budget."""
    spent = config.stash.get(_SPENT, defaultdict[str, float](float))
    if not spent:
        return
    terminalreporter.section("seconds by area")
    terminalreporter.line(f"{'area':<12}{'took':>7}{'budget':>8}")
    for area, took_s in sorted(spent.items()):
        terminalreporter.line(budget_line(area, took_s, BUDGETS_S[area]))
    budget_s = sum(BUDGETS_S[area] for area in spent)
    terminalreporter.line(budget_line("together", sum(spent.values()), budget_s))


def budget_line(area: str, took_s: float, budget_s: int) -> str:
    """Write one line of the table, with a word when the time is over the budget."""
    return f"{area:<12}{took_s:>7.1f}{budget_s:>8}{'  over' if took_s > budget_s else ''}"
