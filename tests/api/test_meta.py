"""Names to ids and back: what the caller can't see isn't there."""

from uuid import uuid4

from tests.fakes.caller import refused
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import Site


def create_providers(place: Place, *called: str) -> list[str]:
    """Providers of these names; gives their ids."""
    kind = place.operator.CreateProviderType(name=new_name("t")).name
    wanted = [{"id": str(uuid4()), "name": name, "type": kind} for name in called]
    place.operator.CreateProviders(region=place.region, providers=wanted)
    return [one["id"] for one in wanted]


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
    [described] = place.member.DescribeObjects(ids=[made.id, str(uuid4())]).objects
    assert (described.name, described.object_type) == (name, "image")


def test_ids_may_be_in_upper_case(place: Place) -> None:
    image, project = place.image, place.project.upper()
    [described] = place.member.DescribeObjects(ids=[image.upper(), str(uuid4()).upper()]).objects
    assert (described.id, described.asked) == (image, image)
    assert place.member.GetProject(id=project).metadata.id == place.project
    region = place.region.upper()
    assert image in [one.metadata.id for one in place.member.ListImages(region=region).images]
    watched = place.operator.until(lambda _: True, after_revision=1, object_id=image.upper())
    assert [event.object_id for event in watched] == [image]


@on_sqlite
def test_what_is_no_id_or_too_many_is_refused(place: Place) -> None:
    with refused("INVALID_ARGUMENT", about="ids[0]"):
        place.member.DescribeObjects(ids=["junk"])
    with refused("INVALID_ARGUMENT", about="ids"):
        place.member.DescribeObjects(ids=[place.project] * 5001)
    with refused("INVALID_ARGUMENT", about="names"):
        place.member.ResolveNames(object_type="image", names=["x"] * 5001)


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


@on_sqlite
def test_thousands_are_resolved_and_described_in_a_call_and_more_refused(place: Place) -> None:
    asked = [f"disk {number}" for number in range(5000)]
    ids = create_providers(place, *asked)
    resolved = place.operator.ResolveNames(
        object_type="provider", names=asked, region=place.region
    ).objects
    assert [one.asked for one in resolved] == asked
    assert sorted(one.name for one in place.operator.DescribeObjects(ids=ids).objects) == sorted(
        asked
    )
    with refused("INVALID_ARGUMENT", about="names"):
        place.operator.ResolveNames(object_type="provider", names=[*asked, "one more"])
    with refused("INVALID_ARGUMENT", about="ids"):
        place.operator.DescribeObjects(ids=[*ids, str(uuid4())])


@on_sqlite
def test_an_answer_that_would_not_fit_is_refused_in_words(place: Place) -> None:
    ids = create_providers(place, *(f"{number:04}" + "𒀀" * 251 for number in range(3500)))
    with refused("INVALID_ARGUMENT", about="ids") as refusal:
        place.operator.DescribeObjects(ids=ids)
    assert "ask for fewer" in refusal.message
    assert len(place.operator.DescribeObjects(ids=ids[:1000]).objects) == 1000
