"""Usage per provider, group, region and project, over any window."""

from typing import Any

import pytest

from mulligan.database import Database
from mulligan.resource import groups, quotas
from mulligan.resource.groups import GroupChange, MembersChange
from mulligan.resource.occupation import present
from mulligan.resource.quotas import Quota
from mulligan.resource.usage import By, Narrowed, Usage, list_usage
from mulligan.resource.values import Inventory, Page
from mulligan.values.errors import InvalidArgumentError, NotFoundError
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def page_of(
    fleet: Fleet, by: By, when: Any = None, *, after: str = "", limit: int = 0, **narrowed: str
) -> Page[Usage]:
    wanted = Narrowed(**{"region": fleet.region, **narrowed})
    return fleet.database.read(
        lambda session: list_usage(
            session, by, when or present(fleet.now), narrowed=wanted, after=after,
            limit=limit, now=fleet.now,
        )
    )  # fmt: skip


def usage(fleet: Fleet, by: By, when: Any = None, **narrowed: Any) -> dict[Any, tuple[Any, ...]]:
    """Capacity, used, reserved, peak, free by what they are of and resource type."""
    return {
        (one.of, one.resource_type): (
            one.capacity, one.used, one.reserved, one.peak, one.free,
        )
        for one in page_of(fleet, by, when, **narrowed).items
    }  # fmt: skip


def group_of(fleet: Fleet, *members: str, sharing: tuple[str, ...] = ()) -> str:
    group = new_id()
    change = GroupChange(MembersChange(add=members), MembersChange(add=sharing))
    fleet.database.write(
        lambda session: groups.create_group(
            session, id=group, region=fleet.region, change=change, now=fleet.now
        )
    )
    return group


def under(fleet: Fleet, *chain: str) -> None:
    fleet.database.write(lambda session: quotas.know_project(session, chain))


def test_what_has_begun_is_used_and_what_begins_later_is_reserved(fleet: Fleet) -> None:
    host = fleet.add(VCPU=8, MEMORY_MIB=64)
    fleet.claim(window(0, 10), VCPU=4)
    fleet.claim(window(10, 20), VCPU=4)
    fleet.claim(window(5, 15), VCPU=2)
    memory = (64, 0, 0, 0, 64)
    assert usage(fleet, By.PROVIDER) == {
        (host, "VCPU"): (8, 4, 0, 4, 4),
        (host, "MEMORY_MIB"): memory,
    }
    assert usage(fleet, By.PROVIDER, window(0, 20), resource_type="VCPU") == {
        (host, "VCPU"): (8, 4, 6, 6, 2)
    }
    fleet.now = at(12)
    assert usage(fleet, By.PROVIDER, resource_type="VCPU") == {(host, "VCPU"): (8, 6, 0, 6, 2)}


def test_begun_claims_count_from_their_start_whatever_the_plan_said(fleet: Fleet) -> None:
    host = fleet.add(VCPU=8)
    fleet.claim(window(0, 10), VCPU=1, consumer=new_id())
    held = fleet.claim(window(0, 30), VCPU=2, hold_until=at(5))
    fleet.release(fleet.claim(window(0, 30), VCPU=4))
    assert usage(fleet, By.PROVIDER) == {(host, "VCPU"): (8, 3, 0, 3, 5)}
    fleet.now = at(12)
    assert held
    assert usage(fleet, By.PROVIDER) == {(host, "VCPU"): (8, 1, 0, 1, 7)}
    assert usage(fleet, By.PROVIDER, window(13, 20)) == {(host, "VCPU"): (8, 0, 0, 0, 8)}


def test_a_group_has_what_is_below_its_members_and_what_shares_with_it(fleet: Fleet) -> None:
    rack, lone = fleet.rack(), fleet.add(VCPU=4)
    inside = [fleet.rack(rack, kind="box", inventories=[Inventory("VCPU", 8)]) for _ in range(2)]
    below = fleet.rack(inside[0], kind="card", inventories=[Inventory("GPU", 2)])
    store = fleet.rack(kind="store", inventories=[Inventory("DISK_GIB", 100)])
    # A member twice over, by itself and by what is above it, counts once.
    whole = group_of(fleet, rack, inside[0], sharing=(store,))
    part = group_of(fleet, inside[1])
    for start, box in ((0, inside[0]), (10, inside[1]), (0, lone)):
        fleet.claim(window(start, start + 10), VCPU=3, provider=box)
    fleet.claim(window(0, 10), GPU=1, provider=below)
    assert usage(fleet, By.GROUP, window(0, 20)) == {
        (whole, "VCPU"): (16, 3, 3, 3, 13),
        (whole, "GPU"): (2, 1, 0, 1, 1),
        (whole, "DISK_GIB"): (100, 0, 0, 0, 100),
        (part, "VCPU"): (8, 0, 3, 3, 5),
    }
    assert usage(fleet, By.GROUP, window(0, 5), group=part) == {(part, "VCPU"): (8, 0, 0, 0, 8)}
    of_lone = usage(fleet, By.GROUP, provider=lone)
    assert of_lone == {}
    assert set(usage(fleet, By.GROUP, provider=below)) == {(whole, "GPU")}
    assert usage(fleet, By.REGION, window(0, 20), group=whole, resource_type="VCPU") == {
        (fleet.region, "VCPU"): (16, 3, 3, 3, 13)
    }
    assert {one for one, _ in usage(fleet, By.PROVIDER, group=whole)} == {*inside, below, store}


def test_a_region_has_what_its_providers_have_together(fleet: Fleet) -> None:
    elsewhere = Fleet(fleet.database)
    hosts = [fleet.add(VCPU=4), fleet.add(VCPU=6)]
    elsewhere.add(VCPU=100)
    elsewhere.claim(window(0, 10), VCPU=50)
    for host in hosts:
        fleet.claim(window(0, 10), VCPU=4, provider=host)
    assert usage(fleet, By.REGION, window(0, 20)) == {(fleet.region, "VCPU"): (10, 8, 0, 8, 2)}
    assert usage(fleet, By.REGION, window(10, 20)) == {(fleet.region, "VCPU"): (10, 0, 0, 0, 10)}
    both = usage(fleet, By.REGION, region="")
    assert both[elsewhere.region, "VCPU"] == (100, 50, 0, 50, 50)


def test_a_project_counts_with_all_under_it_against_its_own_quota(fleet: Fleet) -> None:
    parent, sister = new_id(), new_id()
    under(fleet, fleet.project, parent)
    under(fleet, sister, parent)
    limit = Quota({"VCPU": 9, "GPU": 1})
    fleet.database.write(lambda s: quotas.set_quota(s, parent, limit, now=fleet.now))
    fleet.add(VCPU=16)
    mine = fleet.project
    fleet.claim(window(0, 10), VCPU=2)
    fleet.claim(window(10, 20), VCPU=1)
    fleet.project = sister
    fleet.claim(window(0, 20), VCPU=4)
    expected = {
        (mine, "VCPU"): (None, 2, 1, 2, None),
        (sister, "VCPU"): (None, 4, 0, 4, None),
        (parent, "VCPU"): (9, 6, 1, 6, 3),
        (parent, "GPU"): (1, 0, 0, 0, 1),
    }
    found = usage(fleet, By.PROJECT, window(0, 20), region="")
    assert {what: one for what, one in found.items() if what in expected} == expected
    in_region = usage(fleet, By.PROJECT, window(0, 20))
    assert in_region[parent, "VCPU"] == (None, 6, 1, 6, None)


def test_of_one_project_nothing_is_told_of_others(fleet: Fleet) -> None:
    hosts = [fleet.add(VCPU=8), fleet.add(VCPU=8)]
    group = group_of(fleet, hosts[0])
    group_of(fleet, hosts[1])
    child, other = new_id(), new_id()
    under(fleet, child, fleet.project)
    mine = fleet.project
    fleet.claim(window(0, 10), VCPU=2, provider=hosts[0])
    fleet.project = child
    fleet.claim(window(0, 10), VCPU=1, provider=hosts[0])
    fleet.project = other
    for host in hosts:
        fleet.claim(window(0, 10), VCPU=3, provider=host)
    for by, of in (
        (By.PROVIDER, hosts[0]), (By.GROUP, group), (By.REGION, fleet.region), (By.PROJECT, mine),
    ):  # fmt: skip
        assert usage(fleet, by, project=mine) == {(of, "VCPU"): (None, 3, 0, 3, None)}
        assert usage(fleet, by, window(10, 20), project=mine) == {}


def test_usage_comes_in_pages(fleet: Fleet) -> None:
    hosts = sorted(fleet.add(VCPU=1, MEMORY_MIB=4) for _ in range(3))
    page = page_of(fleet, By.PROVIDER, limit=2)
    assert [one.of for one in page.items] == [hosts[0], hosts[0], hosts[1], hosts[1]]
    rest = page_of(fleet, By.PROVIDER, limit=2, after=page.next_token)
    assert ({one.of for one in rest.items}, rest.next_token) == ({hosts[2]}, "")


def test_what_can_not_be_asked_is_refused(fleet: Fleet) -> None:
    with pytest.raises(NotFoundError):
        usage(fleet, By.PROVIDER, group=new_id())
    with pytest.raises(NotFoundError):
        usage(fleet, By.PROVIDER, provider=new_id())
    for wrong in ("group", "provider", "project", "region", "resource_type"):
        with pytest.raises(InvalidArgumentError) as caught:
            usage(fleet, By.PROVIDER, **{wrong: "no such thing"})
        assert caught.value.details["field"] == wrong
