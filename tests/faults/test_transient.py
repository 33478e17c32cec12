"""Whatever activity fails once, before its effect or after it: everything ends as if none had.

Each activity of both kinds is a cell, before and after its effect. A scenario runs once as it is,
and once with every call of it failing at its first try, for each of the two; so each cell is met in
every place where its activity is called.
"""

from concurrent.futures import Future
from functools import partial

import pytest
from temporalio import activity

from tests.fakes.executor import name_of
from tests.faults.ground import Ground
from tests.faults.inject import WHENS, Fault, When
from tests.faults.lanes import Lanes, Run
from tests.faults.scenarios import SCENARIOS, Scenario
from worker.control import RECORDS
from worker.temporal_view import TemporalView
from workflows.policies import POLICIES

ACTIVITIES = sorted(
    {name_of(contract) for contract in (*POLICIES, *RECORDS)}
    | {
        str(found.name)
        for one in vars(TemporalView).values()
        if callable(one) and (found := activity._Definition.from_callable(one))
    }
)


class Runs:
    """Every scenario, as it is and with faults; begun together, so that waiting costs nothing."""

    def __init__(self, lanes: Lanes) -> None:
        self.usual = {name: lanes.begin(scenario) for name, scenario in SCENARIOS.items()}
        self.broken: dict[tuple[str, When], Future[Run]] = {
            (name, when): lanes.begin(partial(_broken, scenario, when))
            for name, scenario in SCENARIOS.items()
            for when in WHENS
        }

    def calling(self, name: str) -> list[str]:
        """List the scenarios in which an activity is called."""
        return [
            scenario
            for scenario, run in self.usual.items()
            if any(call.name == name for call in run.result().calls)
        ]


def _broken(scenario: Scenario, when: When, ground: Ground) -> None:
    with ground.injector.fault(Fault(ground.region, when)):
        scenario(ground)


@pytest.fixture(scope="module")
def runs(grounds: Lanes) -> Runs:
    return Runs(grounds)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_without_faults_everything_ends_and_nothing_is_left(runs: Runs, scenario: str) -> None:
    assert runs.usual[scenario].result().problems == ()


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_with_faults_everything_ends_in_the_same_way(runs: Runs, scenario: str, when: When) -> None:
    usual, broken = runs.usual[scenario].result(), runs.broken[scenario, when].result()
    assert broken.problems == ()
    assert dict(broken.told.events) == dict(usual.told.events)
    assert broken.told == usual.told


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("name", ACTIVITIES)
def test_each_activity_may_fail_once(runs: Runs, name: str, when: When) -> None:
    scenarios = runs.calling(name)
    assert scenarios, f"no scenario calls {name}; add one"
    broken = [runs.broken[scenario, when].result() for scenario in scenarios]
    assert [run.problems for run in broken if run.problems] == []
    tries = [call.attempt for run in broken for call in run.calls if call.name == name]
    assert max(tries) > 1, f"{name} was not tried again"
