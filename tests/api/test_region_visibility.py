"""A region that is not shown to somebody looks as if it did not exist, and what is in it, too."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, at, new_name

VISIBILITY = {"paths": ["spec.visibility"]}
SPEC = {"paths": ["spec.visibility", "spec.failure_domains"]}
VCPU = [{"resource_type": "VCPU", "amount": 1}]
DAILY = {"days": ["mon"], "start": "09:00", "end": "17:00", "time_zone": "Europe/Berlin"}


def show(place: Place, region: str, visibility: str, *projects: str) -> Any:
    value = iam_pb2.Visibility.Value(f"VISIBILITY_{visibility}")
    return place.operator.UpdateRegion(
        id=region,
        update_mask=VISIBILITY,
        spec={"visibility": value, "visible_to": projects},
    )


def below(place: Place, parent: str, **spec: Any) -> str:
    made = place.operator.CreateRegion(name=new_name("region"), parent=parent, spec=spec)
    return str(made.metadata.id)


def sees(caller: Caller, region: str) -> bool:
    listed = caller.ListRegions(page={"size": 1000}).regions
    names = caller.DescribeObjects(ids=[region]).objects
    found = region in [one.metadata.id for one in listed]
    assert found == bool(names)
    if found:
        assert caller.GetRegion(id=region).metadata.id == region
        return True
    for method, asked in (("GetRegion", {"id": region}), ("BatchGetRegions", {"ids": [region]})):
        with refused("NOT_FOUND") as refusal:
            getattr(caller, method)(**asked)
        assert refusal.resource == ("region", region)
    return False


def test_a_region_is_shown_to_everybody_to_some_projects_or_to_who_has_a_role_there(
    place: Place,
) -> None:
    region = place.region
    child = below(place, region)
    elsewhere = place.operator.CreateProject(name=new_name("project")).metadata.id
    stranger = place.site.account(common_pb2.ROLE_ADMIN, elsewhere)
    of_region = place.site.account(common_pb2.ROLE_READER, region=region)
    low = place.operator.CreateProject(name=new_name("project"), parent=place.project).metadata.id
    of_low = place.site.account(common_pb2.ROLE_READER, low)
    member = place.member
    assert all(sees(one, child) for one in (stranger, of_region, member))

    show(place, region, "PROJECTS", place.project)
    for one in (region, child):
        assert all(sees(who, one) for who in (member, of_low, of_region))
        assert not sees(stranger, one)
    assert list(of_low.GetRegion(id=region).spec.visible_to) == []
    assert list(member.GetRegion(id=region).spec.visible_to) == [place.project]

    show(place, region, "INTERNAL")
    assert not any(sees(one, child) for one in (stranger, member, of_low))
    assert all(sees(one, child) for one in (of_region, place.operator))

    of_child = place.site.account(common_pb2.ROLE_READER, region=child)
    assert sees(of_child, child)
    assert not sees(of_child, region)
    assert of_child.GetRegion(id=child).parent == ""
    assert of_region.GetRegion(id=child).parent == region

    show(place, region, "PUBLIC")
    assert sees(stranger, child)


def test_what_a_region_was_called_is_shown_to_who_has_a_role_there(place: Place) -> None:
    secret = place.operator.CreateRegion(name=new_name("secret")).metadata
    renamed = {"id": secret.id, "name": new_name("region"), "update_mask": {"paths": ["name"]}}
    assert place.operator.UpdateRegion(**renamed).metadata.old_slugs == [secret.slug]
    reader = place.site.account(common_pb2.ROLE_READER, region=secret.id)
    for caller, shown in ((reader, [secret.slug]), (place.member, [])):
        assert caller.GetRegion(id=secret.id).metadata.old_slugs == shown
        [found] = caller.BatchGetRegions(ids=[secret.id]).regions
        assert found.metadata.old_slugs == shown


def test_what_is_in_a_region_is_seen_by_who_sees_the_region(place: Place) -> None:
    image, network = place.create_image().metadata, place.create_network().metadata
    member, tag = place.member, new_name("tag")
    place.operator.UpdateTags(object_ids=[image.id, network.id, place.region], add=[tag])

    def tagged() -> set[str]:
        return {one.object_id for one in member.ListObjectsByTag(tags=[tag]).objects}

    def found() -> list[str]:
        images = member.ListImages(page={"size": 1000}).images
        networks = member.ListNetworks(page={"size": 1000}).networks
        names = [
            one
            for noun, named in (("image", image), ("network", network))
            for one in member.ResolveNames(object_type=noun, names=[named.name]).objects
        ]
        listed = {one.metadata.id for one in (*images, *networks)}
        assert listed.issuperset({one.id for one in names})
        return sorted(listed & {image.id, network.id})

    assert found() == sorted([image.id, network.id])
    assert tagged() == {image.id, network.id, place.region}
    show(place, place.region, "INTERNAL")
    assert found() == []
    assert tagged() == set()
    assert not member.ListTags(object_ids=[network.id, place.region]).objects
    for method, asked in (("GetImage", image.id), ("GetNetwork", network.id)):
        with refused("NOT_FOUND"):
            getattr(member, method)(id=asked)
        with refused("NOT_FOUND") as refusal:
            getattr(member, f"Batch{method}s")(ids=[asked])
        assert refusal.resource[1] == asked
        for others in ([asked, str(uuid4())], [str(uuid4()), asked]):
            with refused("NOT_FOUND") as refusal:
                getattr(member, f"Batch{method}s")(ids=others)
            assert refusal.resource[1] == others[0]
    twin = place.operator.CreateNetwork(
        name=network.name, region=below(place, ""), spec={"prefix": "10.0.2.0/24"}
    )
    [seen] = member.ResolveNames(object_type="network", names=[network.name]).objects
    assert seen.id == twin.metadata.id


NAMED: Mapping[str, Callable[[Place, str], Mapping[str, Any]]] = {
    "CreateClaim": lambda _, region: {"spec": {"amounts": VCPU, "region": region}},
    "FindOpenings": lambda _, region: {"spec": {"amounts": VCPU, "region": region}},
    "ProposeCandidates": lambda _, region: {"spec": {"amounts": VCPU, "region": region}},
    "CreateReservationSeries": lambda _, region: {
        "region": region,
        "recurrence": DAILY,
        "spec": {"claim": {"amounts": VCPU}},
    },
    "ListProjectUsage": lambda _, region: {"region": region},
    "ListProjectCalendar": lambda _, region: {
        "region": region,
        "window": {"acquire_at": at(), "release_at": at(days=1)},
    },
    "ProvisionMachine": lambda place, region: {
        "name": new_name("machine"),
        "region": region,
        "spec": place.spec(),
    },
    "CreateReservations": lambda _, region: {
        "region": region,
        "spec": {"claim": {"amounts": VCPU}, "window": {"acquire_at": at(days=1)}},
    },
}


@pytest.mark.parametrize("method", NAMED)
def test_a_request_that_names_a_hidden_region_is_answered_as_if_it_were_made_up(
    sqlite_place: Place, method: str
) -> None:
    show(sqlite_place, sqlite_place.region, "INTERNAL")
    said = []
    for region in (sqlite_place.region, str(uuid4())):
        fields = NAMED[method](sqlite_place, region)
        with refused("NOT_FOUND") as refusal:
            list(getattr(sqlite_place.member, method)(project=sqlite_place.project, **fields))
        said.append(refusal.message.replace(region, "X"))
    assert said[0] == said[1]


@pytest.mark.parametrize("or_below", [False, True])
def test_what_is_in_a_hidden_region_is_as_if_it_were_made_up_for_a_machine(
    sqlite_place: Place, or_below: bool
) -> None:
    place = sqlite_place
    place.host()
    hidden = below(place, place.region, visibility=iam_pb2.VISIBILITY_INTERNAL)
    image = place.operator.CreateImage(
        name=new_name("image"),
        region=hidden,
        spec={"url": "http://images/a.raw", "sha256": "0" * 64, "disk_format": "raw"},
    )
    network = place.create_network(region=hidden)
    for wish, one, status in (
        (lambda one: {"image": one}, image.metadata.id, "NOT_FOUND"),
        (lambda one: {"nics": [{"network": one}]}, network.metadata.id, "INVALID_ARGUMENT"),
    ):
        said = set()
        for asked in (one, str(uuid4())):
            with refused(status) as refusal:
                place.provision(spec={"or_below": or_below, **wish(asked)})
            said.add(refusal.message.replace(asked, "X"))
        assert len(said) == 1


def test_a_retry_of_what_was_met_finds_it_when_its_region_is_hidden_since(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    place.host()
    reserved = {"claim": {"amounts": VCPU}, "window": {"release_at": at(days=1)}}
    named = {"name": new_name("machine"), "request_id": str(uuid4())}
    ids = [str(uuid4()) for _ in range(3)]

    def ask() -> list[Any]:
        waiting = place.claim(wait_until=at_the_end, request_id=ids[1])
        made = place.member.CreateReservations(
            project=place.project, region=place.region, spec=reserved, request_id=ids[2]
        )
        found = [place.claim(request_id=ids[0]), waiting, place.provision(**named)]
        return [one.metadata.id for one in (*found, *made.reservations)]

    at_the_end = at(days=2)
    first = ask()
    show(place, place.region, "INTERNAL")
    assert ask() == first
    with refused("NOT_FOUND"):
        place.claim()
    with refused("ALREADY_EXISTS"):
        place.claim(request_id=ids[0], spec={"amounts": VCPU})


def test_what_a_project_has_in_a_region_stays_usable_when_that_is_hidden_since(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    place.host()
    sizes = {"VCPU": 2, "MEMORY_MIB": 2048, "DISK_GIB": 10}
    amounts = [{"resource_type": name, "amount": size} for name, size in sizes.items()]
    [made] = place.member.CreateReservations(
        project=place.project,
        region=place.region,
        spec={"claim": {"amounts": amounts}, "window": {"release_at": at(days=1)}},
    ).reservations
    claim, machine = place.claim().metadata.id, place.spec()
    show(place, place.region, "INTERNAL")
    elsewhere = Place(place.site)
    show(place, elsewhere.region, "INTERNAL")
    for more in ({}, {"region": elsewhere.region, "reservation": made.metadata.id}):
        with refused("NOT_FOUND"):
            place.provision(spec=machine, **more)
    [moved] = place.member.ChangeClaims(
        project=place.project,
        changes=[{"id": claim, "move": {"spec": {"amounts": VCPU, "region": place.region}}}],
    ).claims
    assert moved.allocations[0].amount == 1
    assert place.get(place.machine(reservation=made.metadata.id)).metadata.region == place.region


def test_who_administers_a_region_shows_it_to_projects_of_which_it_learns_nothing(
    place: Place,
) -> None:
    admin = place.site.account(common_pb2.ROLE_ADMIN, region=place.region)
    for project in (place.project, str(uuid4())):
        spec = {"visibility": iam_pb2.VISIBILITY_PROJECTS, "visible_to": [project]}
        shown = admin.UpdateRegion(id=place.region, update_mask=VISIBILITY, spec=spec)
        assert list(shown.spec.visible_to) == [project]


def test_failure_domains_are_codes_of_each_kind_that_change_with_the_generation(
    place: Place,
) -> None:
    power: Any = {"kind": common_pb2.DOMAIN_KIND_POWER, "codes": ["feed-b", "feed-a"]}
    region = below(place, "", failure_domains=[power])
    [shown] = place.member.GetRegion(id=region).spec.failure_domains
    assert (shown.kind, list(shown.codes)) == (power["kind"], ["feed-a", "feed-b"])

    cooling: Any = {"kind": common_pb2.DOMAIN_KIND_COOLING, "codes": ["chiller-1"]}
    update: Any = {"id": region, "update_mask": SPEC, "spec": {"failure_domains": [cooling]}}
    changed = place.operator.UpdateRegion(generation=1, **update)
    assert [one.kind for one in changed.spec.failure_domains] == [cooling["kind"]]
    assert place.operator.UpdateRegion(**update) == changed
    with refused("ABORTED", "STALE_GENERATION"):
        place.operator.UpdateRegion(generation=1, **update)
    for spec, field in (
        ({"failure_domains": [cooling, cooling]}, "spec.failure_domains"),
        ({"failure_domains": [{**cooling, "codes": ["a b"]}]}, "spec.failure_domains"),
        ({"visibility": iam_pb2.VISIBILITY_PROJECTS}, "spec.visible_to"),
        ({"visible_to": [place.project]}, "spec.visible_to"),
    ):
        with refused("INVALID_ARGUMENT", about=field):
            place.operator.UpdateRegion(**{**update, "spec": spec})
    with refused("NOT_FOUND"):
        show(place, region, "PROJECTS", str(uuid4()))
    gone = place.operator.CreateProject(name=new_name("project")).metadata.id
    show(place, region, "PROJECTS", gone)
    place.operator.DeleteProject(id=gone)
    again = {**update, "update_mask": {"paths": ["spec.failure_domains"]}, "spec": {}}
    assert list(place.operator.UpdateRegion(**again).spec.visible_to) == [gone]
