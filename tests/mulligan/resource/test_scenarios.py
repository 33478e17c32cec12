"""Every scenario file in `scenarios`: a topology, claims, a request, and what must come out.

Each scenario has a region of its own in one database. A third of them, chosen by their titles, is
asked on PostgreSQL too.
"""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import pytest
from pydantic import ValidationError

from mulligan import events
from mulligan.database import Database
from mulligan.values.errors import InvalidArgumentError, NoCapacityError
from tests.databases import PostgreSQL
from tests.mulligan.resource.scenario_files import Request, Scenario, Subject, all_files, topology
from tests.mulligan.resource.scenario_stage import Stage, build_all, expected, refusal

FILES = all_files()
ALL = {
    f"{name}/{scenario.title}": (subject, scenario, subject.topology or file.topology)
    for name, file in FILES.items()
    for subject in file.subjects
    for scenario in subject.scenarios
}


Stages = dict[str, Stage]
"""By titles."""


def on_both(title: str) -> bool:
    """Say whether a scenario is of the third that is asked on both databases."""
    return blake2b(title.encode(), digest_size=1).digest()[0] % 3 == 0


@pytest.fixture(scope="module")
def sqlite(request: pytest.FixtureRequest, new_sqlite: Callable[[], Database]) -> Iterator[Stages]:
    database = new_sqlite()
    yield set_up(database, request)
    database.close()


@pytest.fixture(scope="module")
def postgresql(request: pytest.FixtureRequest, postgresql_server: PostgreSQL) -> Iterator[Stages]:
    name = postgresql_server.create_database()
    database = Database(postgresql_server.url(name).render_as_string())
    yield set_up(database, request)
    database.close()
    postgresql_server.administer(f"DROP DATABASE {name} WITH (FORCE)")


def set_up(database: Database, request: pytest.FixtureRequest) -> Stages:
    """Build the regions of the scenarios that are to be played on a database, in one go."""
    events.record(database)
    asked = [item for item in request.session.items if isinstance(item, pytest.Function)]
    chosen = [
        str(item.callspec.params["title"])
        for item in asked
        if item.module is request.module and request.fixturename in item.fixturenames
    ]
    stages = {title: Stage(database, title, topology(ALL[title][2])) for title in chosen}
    build_all(database, stages.values(), {ALL[title][2] for title in chosen})
    return stages


def test_there_are_as_many_as_the_files_hold() -> None:
    held = [one for file in FILES.values() for each in file.subjects for one in each.scenarios]
    assert len(ALL) == len(held) >= 150, "two scenarios of a file have one title"


@pytest.mark.parametrize(
    ("written", "refused"),
    [
        ({"wants": {"VCPU": 1}, "colour": "red"}, "colour"),
        ({"wants": {"VCPU": 1}, "across_the_tree": True}, "across_the_tree"),
        ({"groups": {"a": {"wants": {"VCPU": 1}, "requires": {}}}}, "requires"),
    ],
)
def test_unknown_keys_are_refused(written: dict[str, Any], refused: str) -> None:
    with pytest.raises(ValidationError, match=f"{refused}\n  Extra inputs are not permitted"):
        Request.model_validate(written)


def test_a_subject_has_scenarios_with_and_without_a_window() -> None:
    asked = {"subject": "CPUs", "request": {"wants": {"VCPU": 1}}}
    now = {"title": "now", "candidates in order": ["host"]}
    later = {"title": "later", "window": "10:00 to 12:00", "candidates in order": ["host"]}
    assert Subject.model_validate({**asked, "scenarios": [now, later]})
    for scenarios in ([now], [later]):
        with pytest.raises(ValidationError, match="one without a window"):
            Subject.model_validate({**asked, "scenarios": scenarios})


@pytest.mark.parametrize("title", ALL)
def test_on_sqlite(title: str, sqlite: Stages) -> None:
    play(sqlite[title], title, claim=not on_both(title))


@pytest.mark.parametrize("title", [title for title in ALL if on_both(title)])
def test_on_postgresql(title: str, postgresql: Stages) -> None:
    play(postgresql[title], title, claim=True)


def play(stage: Stage, title: str, *, claim: bool) -> None:
    """Ask for candidates, and claim the first on one of the databases."""
    subject, scenario, _ = ALL[title]
    stage.take(scenario.claims)
    if scenario.asked_before_at:
        stage.fleet.now = scenario.asked_before_at
        stage.fleet.propose(stage.request(subject.request, scenario))
    stage.fleet.now = scenario.now
    assert answer(stage, subject, scenario, claim=claim) == wanted(subject, scenario)


def answer(stage: Stage, subject: Subject, scenario: Scenario, *, claim: bool) -> Any:
    """What a proposal gives; a claim must agree with it."""
    project = stage.names.find(scenario.asked_by)
    try:
        request = stage.request(subject.request, scenario)
        found = stage.fleet.propose(
            request, seed=scenario.seed, limit=scenario.limit, project=project
        )
    except InvalidArgumentError as error:
        return error.details["field"]
    except NoCapacityError as error:
        refused = error
    else:
        if claim:
            proposed = found[0] if scenario.seed else None
            claimed = stage.fleet.commit(request, proposed=proposed, project=project)
            assert set(claimed.allocations) == set(found[0].allocations)
        spoken = [stage.spoken(one) for one in found]
        return sorted(spoken) if scenario.candidates_in_any_order is not None else spoken
    if claim:
        with pytest.raises(NoCapacityError) as caught:
            stage.fleet.commit(request, project=project)
        assert caught.value.details == refused.details
    return stage.told(refused)


def wanted(subject: Subject, scenario: Scenario) -> Any:
    """The same, as the file has it."""
    if scenario.faulty:
        return scenario.faulty
    if scenario.refused:
        return refusal(scenario.refused)
    if scenario.candidates_in_order is not None:
        return [expected(subject.request, one) for one in scenario.candidates_in_order]
    anyhow = scenario.candidates_in_any_order or ()
    return sorted(expected(subject.request, one) for one in anyhow)
