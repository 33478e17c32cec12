"""Every area of the tests has its time, and all together have what `make test` may take."""

from pathlib import Path

from tests.conftest import BUDGETS_S, PROCESSES, budget_line

TESTS = Path(__file__).parents[1]


def test_the_areas_share_twenty_five_minutes_of_each_process() -> None:
    areas = {path.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}
    assert set(BUDGETS_S) == areas
    assert sum(BUDGETS_S.values()) == PROCESSES * 25 * 60
    assert f"pytest -n {PROCESSES} " in (TESTS.parent / "Makefile").read_text()


def test_what_took_too_long_is_said_to_be_over() -> None:
    assert budget_line("api", 151, 150).endswith("  over")
    assert not budget_line("api", 150, 150).endswith("over")
