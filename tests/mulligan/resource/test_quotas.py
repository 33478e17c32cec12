"""Quotas: of a project, of those above it, and of two that race for the last of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from mulligan.database import Database
from mulligan.resource import quotas, registry
from mulligan.resource.claim_sets import ClaimChange, change_claims
from mulligan.resource.claims import Claim
from mulligan.resource.quotas import KeptQuota, Quota
from mulligan.resource.tables import ProviderTypeRow
from mulligan.resource.values import Inventory
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    StaleError,
)
from mulligan.values.window import Window
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    fleet = Fleet(database)
    for _ in range(4):
        fleet.add(VCPU=8)
    return fleet


def limit(fleet: Fleet, project: str = "", generation: int = 0, **limits: object) -> KeptQuota:
    amounts = {name: limits.pop(name) for name in list(limits) if name.isupper()}
    return fleet.database.write(
        lambda session: quotas.set_quota(
            session,
            project or fleet.project,
            Quota(amounts, **limits),  # type: ignore[arg-type]
            generation=generation,
            now=fleet.now,
        )
    )


def under(fleet: Fleet, *chain: str) -> None:
    """Say which project is under which, from below upwards."""
    fleet.database.write(lambda session: quotas.know_project(session, chain))


def beyond(fleet: Fleet, *arguments: object, **wanted: object) -> QuotaExceededError:
    with pytest.raises(QuotaExceededError) as caught:
        fleet.claim(*arguments, **wanted)  # type: ignore[arg-type]
    return caught.value


def used(fleet: Fleet, when: Window) -> tuple[dict[str, int], int]:
    """What a project uses at the peak, and with how many claims."""
    found: tuple[dict[str, int], int] = fleet.database.read(
        lambda session: quotas.use_of(session, fleet.project, when, fleet.now)
    )
    return found


def test_amounts_count_at_the_peak_of_the_window(fleet: Fleet) -> None:
    limit(fleet, VCPU=6)
    fleet.claim(window(0, 10), VCPU=4)
    fleet.claim(window(10, 20), VCPU=4)
    fleet.claim(window(5, 15), VCPU=2)
    error = beyond(fleet, window(5, 15), VCPU=1)
    assert (error.details["limit"], error.details["used"]) == ("6", "7")
    assert error.details["object_id"] == fleet.project
    fleet.claim(window(15, 20), VCPU=2)
    fleet.claim(window(20, 30), VCPU=6)


def test_a_refused_claim_leaves_nothing(fleet: Fleet) -> None:
    limit(fleet, VCPU=4)
    fleet.claim(window(0, 10), VCPU=4)
    beyond(fleet, window(0, 10), VCPU=1)
    assert used(fleet, window(0, 10)) == ({"VCPU": 4}, 1)


def test_holds_count_until_they_lapse_and_the_released_do_not(fleet: Fleet) -> None:
    limit(fleet, VCPU=4)
    fleet.claim(window(0, 30), VCPU=4, hold_until=at(5))
    beyond(fleet, window(0, 30), VCPU=1)
    fleet.now = at(5)
    claim = fleet.claim(window(5, 30), VCPU=4)
    beyond(fleet, window(5, 30), VCPU=1)
    fleet.release(claim)
    fleet.claim(window(5, 30), VCPU=4)
    assert used(fleet, window(5, 30)) == ({"VCPU": 4}, 1)


def test_confirming_a_hold_whose_share_was_taken_is_refused(fleet: Fleet) -> None:
    hosts = [fleet.add(PCPU=4), fleet.add(PCPU=4)]
    limit(fleet, PCPU=4, claims=1)
    held = fleet.claim(PCPU=4, provider=hosts[0], hold_until=at(5))
    fleet.now = at(5)
    taken = fleet.claim(PCPU=4, provider=hosts[1])
    fleet.now = at(4.99)
    with pytest.raises(QuotaExceededError):
        fleet.confirm(held)
    fleet.release(taken)
    fleet.confirm(held)


def test_an_overrun_takes_no_quota_from_a_hold_that_follows_it(fleet: Fleet) -> None:
    limit(fleet, VCPU=4, claims=1)
    fleet.claim(window(0, 10), VCPU=4, consumer=new_id())
    held = fleet.claim(window(10, 20), VCPU=4, hold_until=at(15))
    fleet.now = at(12)
    assert fleet.confirm(held).status.state == "confirmed"


def test_claims_are_counted_at_the_same_time(fleet: Fleet) -> None:
    limit(fleet, claims=2)
    fleet.claim(window(0, 10), VCPU=1)
    fleet.claim(window(5, 15), VCPU=1)
    error = beyond(fleet, window(0, 20), VCPU=1)
    assert error.details["resource_type"] == "claims"
    fleet.claim(window(10, 20), VCPU=1)


@pytest.mark.parametrize("starts", [(0, 10), (10, 0)])
def test_what_is_kept_free_counts_whichever_was_claimed_first(
    fleet: Fleet, starts: tuple[int, int]
) -> None:
    fleet.database.write(
        lambda session: registry.register(
            session, ProviderTypeRow, "card", now=fleet.now, cleaning_margin_s=60
        )
    )
    for _ in starts:
        fleet.rack(kind="card", inventories=[Inventory("GPU", 1)])
    limit(fleet, GPU=1)
    first, second = starts
    fleet.claim(window(first, first + 10), GPU=1)
    beyond(fleet, window(second, second + 10), GPU=1)
    fleet.claim(window(second + 1, second + 9), GPU=1)
    assert used(fleet, window(0, 20)) == ({"GPU": 1}, 1)


def test_windows_are_limited_in_length_and_advance(fleet: Fleet) -> None:
    limit(fleet, longest=timedelta(minutes=10), advance=timedelta(minutes=20))
    fleet.claim(window(20, 30), VCPU=1)
    assert beyond(fleet, window(0, 11), VCPU=1).details["field"] == "window.release_at"
    assert beyond(fleet, window(0), VCPU=1).details["field"] == "window.release_at"
    assert beyond(fleet, window(21, 22), VCPU=1).details["field"] == "window.acquire_at"
    limit(fleet)
    fleet.claim(window(60), VCPU=1)


def test_a_child_never_exceeds_its_parent(fleet: Fleet) -> None:
    parent, sister = new_id(), new_id()
    under(fleet, fleet.project, parent)
    under(fleet, sister, parent)
    limit(fleet, parent, VCPU=6)
    with pytest.raises(FailedPreconditionError, match="above it has 6"):
        limit(fleet, VCPU=7)
    limit(fleet, VCPU=5)
    with pytest.raises(FailedPreconditionError):
        limit(fleet, parent, VCPU=4)
    fleet.claim(window(0, 10), VCPU=4)
    mine, fleet.project = fleet.project, sister
    error = beyond(fleet, window(0, 10), VCPU=3)
    assert error.details["object_id"] == parent
    assert "above it" in error.message
    fleet.claim(window(0, 10), VCPU=2)
    fleet.project = mine
    assert beyond(fleet, window(0, 10), VCPU=1).details["object_id"] == parent
    assert beyond(fleet, window(0, 10), VCPU=2).details["object_id"] == parent


def test_changes_of_claims_keep_to_the_quota(fleet: Fleet) -> None:
    limit(fleet, VCPU=4, longest=timedelta(minutes=30))
    first = fleet.claim(window(0, 10), VCPU=4)
    fleet.claim(window(10, 20), VCPU=3)

    def extend(end: float) -> list[Claim]:
        change = ClaimChange(first.id, window=window(0, end))
        return fleet.database.write(lambda session: change_claims(session, [change], now=fleet.now))

    for end in (12, 40):
        with pytest.raises(QuotaExceededError):
            extend(end)
    assert fleet.read(first) == first


def test_a_quota_is_read_changed_and_deleted(fleet: Fleet) -> None:
    with pytest.raises(NotFoundError):
        fleet.database.read(lambda session: quotas.get_quota(session, fleet.project))
    assert limit(fleet, VCPU=4, claims=3).generation == 1
    with pytest.raises(StaleError):
        limit(fleet, generation=7)
    assert limit(fleet, VCPU=5, generation=1).generation == 2
    kept = fleet.database.read(lambda session: quotas.get_quota(session, fleet.project))
    assert kept == KeptQuota(fleet.project, Quota({"VCPU": 5}), 2)
    fleet.database.write(lambda session: quotas.delete_quota(session, fleet.project, now=fleet.now))
    fleet.claim(window(0, 10), VCPU=8)
    with pytest.raises(NotFoundError):
        fleet.database.write(
            lambda session: quotas.delete_quota(session, fleet.project, now=fleet.now)
        )


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"amounts": {"VCPU": -1}}, "amounts.amount"),
        ({"amounts": {"v cpu": 1}}, "amounts.resource_type"),
        ({"claims": -1}, "claims"),
        ({"longest": timedelta(-1)}, "longest"),
        ({"advance": timedelta(-1)}, "advance"),
    ],
)
def test_limits_that_can_not_be_are_refused(limits: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Quota(**limits)  # type: ignore[arg-type]
    assert caught.value.details["field"] == field


def test_claims_that_race_for_the_last_of_a_quota(fleet: Fleet) -> None:
    limit(fleet, VCPU=4)
    together = Barrier(4)

    def race(_: int) -> bool:
        together.wait()
        try:
            fleet.claim(window(0, 10), VCPU=2)
        except QuotaExceededError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(race, range(4))) == [False, False, True, True]


def test_quotas_are_listed_of_all_or_of_a_family(fleet: Fleet) -> None:
    parent, grandchild, stranger = new_id(), new_id(), new_id()
    under(fleet, grandchild, fleet.project, parent)
    family = sorted([parent, fleet.project, grandchild])
    for project in (*family, stranger):
        limit(fleet, project, VCPU=4)

    def listed(**narrowed: Any) -> list[str]:
        page = fleet.database.read(lambda session: quotas.list_quotas(session, **narrowed))
        return [one.project for one in page.items]

    assert listed() == sorted([*family, stranger])
    assert listed(family=parent) == family
    assert listed(family=parent, limit=1) == family[:1]
    assert listed(family=parent, after=family[0]) == family[1:]
    assert listed(family=stranger) == [stranger]
    assert listed(family=new_id()) == []


def test_a_project_decides_about_those_under_it_only(fleet: Fleet) -> None:
    parent, grandchild, stranger = new_id(), new_id(), new_id()
    under(fleet, grandchild, fleet.project, parent)
    under(fleet, stranger)
    limit(fleet, parent, VCPU=8)

    def put(project: str, by: str, amount: int = 4) -> KeptQuota:
        return fleet.database.write(
            lambda s: quotas.set_quota(s, project, Quota({"VCPU": amount}), by=by, now=fleet.now)
        )

    def delete(project: str, by: str) -> None:
        fleet.database.write(lambda s: quotas.delete_quota(s, project, by=by, now=fleet.now))

    assert put(fleet.project, parent).quota == Quota({"VCPU": 4})
    put(grandchild, parent)
    with pytest.raises(FailedPreconditionError, match="above it has 8"):
        put(fleet.project, parent, 9)
    with pytest.raises(FailedPreconditionError, match="above it has 4"):
        put(grandchild, parent, 5)
    for act in (put, delete):
        with pytest.raises(PermissionDeniedError):
            act(parent, parent)
        for project, by in ((parent, fleet.project), (stranger, parent), (parent, stranger)):
            with pytest.raises(NotFoundError) as caught:
                act(project, by)
            assert caught.value.details["object_id"] == project
    delete(grandchild, fleet.project)
    kept = fleet.database.read(lambda session: quotas.list_quotas(session, family=parent))
    assert {one.project for one in kept.items} == {parent, fleet.project}
