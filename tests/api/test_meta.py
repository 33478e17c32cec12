"""Names to ids and back: what the caller can't see isn't there."""

from uuid import uuid4

from tests.fakes.caller import refused
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import Site


def two_machines_of_one_name(place: Place, other: Place) -> tuple[str, str]:
    """Machines named `web` of two projects that share a region."""
    place.host()
    other.__dict__.update(region=place.region, executor=place.executor)
    other.__dict__.update(image=place.image, network=place.network)
    return place.machine(name="web"), other.machine(name="web")


def test_names_slugs_and_ids_resolve(place: Place) -> None:
    name = f"Big Image {uuid4()}"
    made = place.operator.CreateImage(
        name=name,
        region=place.region,
        spec={"url": "http://images/a", "sha256": "0" * 64, "disk_format": "raw"},
    ).metadata
    assert made.slug == name.lower().replace(" ", "-")
    for asked in (name, made.slug, made.id):
        [found] = place.member.ResolveNames(object_type="image", names=[asked]).objects
        assert (found.asked, found.id, found.name) == (asked, made.id, name)
    assert not place.member.ResolveNames(object_type="image", names=["nothing"]).objects
    [described] = place.member.DescribeObjects(ids=[made.id, str(uuid4()), "junk"]).objects
    assert (described.name, described.object_type) == (name, "image")


def test_another_projects_machine_does_not_resolve(place: Place, site: Site) -> None:
    other = Place(site)
    mine, theirs = two_machines_of_one_name(place, other)
    member = place.member
    for project in (other.project, ""):
        found = member.ResolveNames(object_type="machine", names=[theirs], project=project)
        assert not found.objects
    assert not member.ResolveNames(
        object_type="machine", names=["web"], project=other.project
    ).objects
    # What others have must not even make a name ambiguous.
    [found] = member.ResolveNames(object_type="machine", names=["web"]).objects
    assert found.id == mine
    [described] = member.DescribeObjects(ids=[mine, theirs]).objects
    assert described.id == mine


@on_sqlite
def test_an_operator_is_asked_which_project_is_meant(place: Place, site: Site) -> None:
    other = Place(site)
    mine, theirs = two_machines_of_one_name(place, other)
    with refused("INVALID_ARGUMENT", about="names"):
        place.operator.ResolveNames(object_type="machine", names=["web"])
    [found] = place.operator.ResolveNames(
        object_type="machine", names=["web"], project=other.project
    ).objects
    assert found.id == theirs != mine


@on_sqlite
def test_servers_and_accounts_are_not_for_members(place: Place) -> None:
    assert place.executor
    server = place.add_server()
    assert not place.member.ResolveNames(object_type="server", names=[server]).objects
    assert not place.member.ResolveNames(object_type="account", names=["admin"]).objects
    assert place.operator.ResolveNames(object_type="server", names=[server]).objects


@on_sqlite
def test_a_region_is_found_by_anybody(place: Place) -> None:
    [found] = place.member.ResolveNames(object_type="region", names=[place.region]).objects
    [again] = place.member.ResolveNames(object_type="region", names=[found.name]).objects
    assert again.id == place.region
    [described] = place.member.DescribeObjects(ids=[place.region]).objects
    assert described.object_type == "region"


def test_a_name_in_two_regions_needs_the_region(place: Place, site: Site) -> None:
    name, other = new_name("network"), Place(site)
    made = [
        one.operator.CreateNetwork(name=name, region=one.region, spec={"prefix": "10.9.0.0/24"})
        for one in (place, other)
    ]
    with refused("INVALID_ARGUMENT", about="names"):
        place.member.ResolveNames(object_type="network", names=[name])
    [found] = place.member.ResolveNames(
        object_type="network", names=[name], region=other.region
    ).objects
    assert found.id == made[1].metadata.id


def test_too_many_at_once_are_refused(site: Site) -> None:
    many = [str(number) for number in range(1001)]
    with refused("INVALID_ARGUMENT", about="names"):
        site.admin.ResolveNames(object_type="machine", names=many)
    with refused("INVALID_ARGUMENT", about="ids"):
        site.admin.DescribeObjects(ids=many)
