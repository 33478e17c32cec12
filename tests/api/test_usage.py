"""Usage and calendars: what is told of whom, and to whom."""

from typing import Any
from uuid import uuid4

import pytest

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, at, new_name, on_sqlite


@pytest.fixture
def box(place: Place) -> str:
    """A provider of 8 VCPU, in a group by what is above it."""
    kind = f"t-{uuid4().hex[:8]}"
    place.operator.CreateProviderType(name=kind)
    inventories = [{"resource_type": "VCPU", "total": 8}]
    new: list[dict[str, Any]] = [
        {"id": str(uuid4()), "name": new_name("rack"), "type": kind},
        {"name": new_name("box"), "type": kind, "inventories": inventories},
    ]
    new[1]["parent"] = new[0]["id"]
    rack, one = place.operator.CreateProviders(region=place.region, providers=new).providers
    place.operator.CreateGroup(name=new_name("group"), region=place.region, members=[rack.id])
    return str(one.id)


def group_of(place: Place) -> str:
    [group] = place.operator.ListGroups(region=place.region).groups
    return str(group.metadata.id)


@pytest.fixture
def other(place: Place) -> tuple[str, Caller]:
    """Another project with a claim on the same provider, and its reader."""
    project = str(place.operator.CreateProject(name=new_name("project")).metadata.id)
    spec = {"amounts": [{"resource_type": "VCPU", "amount": 3}], "region": place.region}
    place.operator.CreateClaim(project=project, spec=spec)
    return project, place.site.account(common_pb2.ROLE_READER, project)


def told(answer: Any) -> list[tuple[Any, ...]]:
    return [
        (
            one.of, one.resource_type, one.capacity if one.HasField("capacity") else None, one.used,
            one.reserved, one.peak, one.free if one.HasField("free") else None,
        )
        for one in answer.usage
    ]  # fmt: skip


def test_an_operator_sees_what_is_used_reserved_and_free(
    place: Place, box: str, other: tuple[str, Caller]
) -> None:
    place.claim()
    place.claim(spec={"window": {"acquire_at": at(hours=1), "release_at": at(hours=2)}})
    only = {"region": place.region}
    now = place.operator.ListUsage(**only)
    assert told(now) == [(box, "VCPU", 8, 5, 0, 5, 3)]
    for by, of in (
        (pb.USAGE_BY_PROVIDER, box),
        (pb.USAGE_BY_GROUP, group_of(place)),
        (pb.USAGE_BY_REGION, place.region),
    ):
        found = place.operator.ListUsage(by=by, window={"release_at": at(hours=3)}, **only)
        assert told(found) == [(of, "VCPU", 8, 5, 2, 7, 1)]
    # Projects that use nothing here don't fill the page.
    for _ in range(8):
        place.operator.SetQuota(
            project=place.operator.CreateProject(name=new_name("idle")).metadata.id,
            spec={"amounts": [{"resource_type": "VCPU", "amount": 9}]},
        )
    projects = told(place.operator.ListUsage(by=pb.USAGE_BY_PROJECT, page={"size": 2}, **only))
    assert sorted(projects) == sorted(
        [(place.project, "VCPU", None, 2, 0, 2, None), (other[0], "VCPU", None, 3, 0, 3, None)]
    )
    assert told(place.operator.ListUsage(group=group_of(place), provider=box)) == told(now)
    assert told(place.operator.ListUsage(resource_type="GPU", **only)) == []


def test_a_project_sees_its_own_use_and_nobody_elses(
    place: Place, box: str, other: tuple[str, Caller]
) -> None:
    place.claim()
    project, reader = other
    assert told(reader.ListProjectUsage(project=project)) == [
        (project, "VCPU", None, 3, 0, 3, None)
    ]
    for by, of in ((pb.USAGE_BY_PROVIDER, box), (pb.USAGE_BY_REGION, place.region)):
        found = told(reader.ListProjectUsage(project=project, by=by, region=place.region))
        assert found == [(of, "VCPU", None, 3, 0, 3, None)]
    limit = {"amounts": [{"resource_type": "VCPU", "amount": 9}]}
    place.operator.SetQuota(project=project, spec=limit)
    assert told(reader.ListProjectUsage(project=project)) == [(project, "VCPU", 9, 3, 0, 3, 6)]
    for call, fields in (
        ("ListProjectUsage", {"project": place.project}),
        ("ListProjectCalendar", {"project": place.project}),
        ("ListUsage", {}),
        ("ListCalendar", {"region": place.region}),
    ):
        with refused("PERMISSION_DENIED"):
            getattr(reader, call)(**fields)


def test_a_calendar_is_of_a_group_or_a_project(
    place: Place, box: str, other: tuple[str, Caller]
) -> None:
    claim = place.claim()
    soon = {"release_at": at(hours=1)}
    [lane] = place.operator.ListCalendar(
        region=place.region, group=group_of(place), window=soon
    ).lanes
    assert (lane.provider, len(lane.bookings)) == (box, 2)
    fields: dict[str, Any] = {"project": place.project, "window": soon}
    [mine] = place.member.ListProjectCalendar(**fields).lanes
    assert [one.claim for one in mine.bookings] == [claim.metadata.id]
    for narrowed in ({"region": place.region}, {"group": group_of(place)}, {"provider": box}):
        assert list(place.member.ListProjectCalendar(**fields, **narrowed).lanes) == [mine]
    assert not place.member.ListProjectCalendar(**fields, resource_type="GPU").lanes
    assert not place.member.ListProjectCalendar(**fields, group=str(uuid4())).lanes


@on_sqlite
def test_usage_and_calendars_come_in_pages(place: Place, box: str) -> None:
    assert box
    place.operator.CreateProviders(
        region=place.region,
        providers=[
            {
                "name": new_name("box"),
                "type": place.operator.GetProvider(id=box).type,
                "inventories": [{"resource_type": "VCPU", "total": 1}],
            }
        ],
    )
    first = place.operator.ListUsage(region=place.region, page={"size": 1})
    rest = place.operator.ListUsage(region=place.region, page={"token": first.next_page_token})
    assert (len(first.usage), len(rest.usage), rest.next_page_token) == (1, 1, "")
    assert first.usage[0].of != rest.usage[0].of


@on_sqlite
@pytest.mark.parametrize(
    ("fields", "status", "about"),
    [
        ({"by": 9}, "INVALID_ARGUMENT", "by"),
        ({"group": str(uuid4())}, "NOT_FOUND", ""),
        ({"provider": str(uuid4())}, "NOT_FOUND", ""),
        ({"region": str(uuid4())}, "NOT_FOUND", ""),
        ({"group": "pool-1"}, "INVALID_ARGUMENT", "group"),
        ({"resource_type": "v cpu"}, "INVALID_ARGUMENT", "resource_type"),
        ({"page": {"token": "other"}}, "INVALID_ARGUMENT", ""),
        ({"page": {"size": -1}}, "INVALID_ARGUMENT", ""),
        (
            {"window": {"acquire_at": at(hours=2), "release_at": at(hours=1)}},
            "INVALID_ARGUMENT",
            "window.release_at",
        ),
    ],
)
def test_usage_that_can_not_be_told_is_refused(
    place: Place, fields: Any, status: str, about: str
) -> None:
    with refused(status, about=about):
        place.operator.ListUsage(**fields)


@on_sqlite
def test_a_calendar_that_can_not_be_told_is_refused(place: Place) -> None:
    soon = {"release_at": at(hours=1)}
    with refused("NOT_FOUND"):
        place.operator.ListCalendar(region=place.region, group=str(uuid4()), window=soon)
    with refused("NOT_FOUND"):
        place.member.ListProjectCalendar(project=place.project, region=str(uuid4()), window=soon)
    for call, fields in (
        (place.operator.ListCalendar, {"region": place.region}),
        (place.member.ListProjectCalendar, {"project": place.project}),
    ):
        with refused("INVALID_ARGUMENT", about="window.release_at"):
            call(**fields)
