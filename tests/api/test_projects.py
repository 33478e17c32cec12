"""Projects and regions: read, renamed, deleted, by whom and with what left in them."""

from typing import Any
from uuid import uuid4

import pytest

from mulligan.iam import projects
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import Place, new_name
from tests.fakes.site import Site

ADMIN = common_pb2.ROLE_ADMIN
NOUNS = ("Project", "Region")
NAME = {"paths": ["name"]}
NETWORK = {"prefix": "10.8.0.0/24"}


def create(place: Place, noun: str, parent: str = "") -> Any:
    return getattr(place.operator, f"Create{noun}")(name=new_name(noun), parent=parent)


def ids(found: Any) -> list[str]:
    return [one.metadata.id for one in found]


# Reading


def test_projects_are_seen_by_who_has_a_role_in_them_or_above(place: Place) -> None:
    top, child = place.project, create(place, "Project", place.project)
    beside = create(place, "Project")
    assert child.parent == top
    member = place.member
    assert sorted(ids(member.ListProjects().projects)) == sorted([top, child.metadata.id])
    of_child = place.site.account(ADMIN, child.metadata.id)
    assert ids(of_child.ListProjects().projects) == [child.metadata.id]
    seen = ids(place.operator.ListProjects(page={"size": 1000}).projects)
    assert {top, child.metadata.id, beside.metadata.id} <= set(seen)
    assert member.GetProject(id=child.metadata.id) == child
    with refused("PERMISSION_DENIED"):
        member.GetProject(id=beside.metadata.id)
    found = member.ResolveNames(
        object_type="project", names=[child.metadata.name, beside.metadata.name]
    )
    assert [one.id for one in found.objects] == [child.metadata.id]


def test_projects_are_listed_by_what_they_are_below(place: Place) -> None:
    top, child = place.project, create(place, "Project", place.project).metadata.id
    deep = create(place, "Project", child).metadata.id
    assert ids(place.member.ListProjects(parent=top).projects) == [child]
    assert sorted(ids(place.member.ListProjects(below=top).projects)) == sorted([child, deep])
    assert ids(place.member.ListProjects(below=deep).projects) == []


def test_regions_are_listed_by_what_they_are_right_below(place: Place) -> None:
    child = create(place, "Region", place.region)
    create(place, "Region", child.metadata.id)
    assert list(place.member.ListRegions(parent=place.region).regions) == [child]
    assert place.member.GetRegion(id=child.metadata.id) == child


@pytest.mark.parametrize("noun", NOUNS)
def test_several_are_read_at_once_in_the_order_that_was_asked_for(place: Place, noun: str) -> None:
    made = [create(place, noun).metadata.id for _ in range(3)]
    batch = getattr(place.operator, f"BatchGet{noun}s")
    found = getattr(batch(ids=made), f"{noun.lower()}s")
    assert ids(found) == made
    missing = str(uuid4())
    with refused("NOT_FOUND") as refusal:
        batch(ids=[made[0], missing])
    assert refusal.resource == (noun.lower(), missing)
    with refused("INVALID_ARGUMENT", about="ids"):
        batch(ids=[missing] * 1001)


def test_a_batch_with_another_tenants_project_looks_as_if_it_were_not_there(place: Place) -> None:
    other = create(place, "Project").metadata.id
    with refused("NOT_FOUND") as refusal:
        place.member.BatchGetProjects(ids=[place.project, other])
    assert refusal.resource == ("project", other)


# Changing


@pytest.mark.parametrize("noun", NOUNS)
def test_a_rename_needs_the_generation_that_was_read(place: Place, noun: str) -> None:
    made = create(place, noun)
    update, name = getattr(place.operator, f"Update{noun}"), new_name(noun)
    asked = {"id": made.metadata.id, "name": name, "update_mask": NAME}
    changed = update(generation=1, **asked)
    assert (changed.metadata.name, changed.metadata.generation) == (name, 2)
    assert getattr(place.operator, f"Get{noun}")(id=made.metadata.id) == changed
    with refused("ABORTED", "STALE_GENERATION", about="generation") as refusal:
        update(generation=1, **asked)
    assert f"is named {name!r} now" in refusal.message
    assert update(generation=2, **asked) == changed
    other = create(place, noun)
    with refused("ALREADY_EXISTS", "NAME_TAKEN"):
        update(**{**asked, "name": other.metadata.name})


@pytest.mark.parametrize("noun", NOUNS)
def test_nobody_takes_a_slug_by_a_name_that_is_the_same(place: Place, noun: str) -> None:
    name = new_name("Team No")
    one = getattr(place.operator, f"Create{noun}")(name=name.replace("-", " ")).metadata
    assert one.slug != one.name
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        getattr(place.operator, f"Create{noun}")(name=one.slug)
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        getattr(place.operator, f"Update{noun}")(
            id=create(place, noun).metadata.id, name=one.slug, update_mask=NAME
        )
    found = place.operator.ResolveNames(object_type=noun.lower(), names=[one.slug]).objects
    assert [named.id for named in found] == [one.id]
    # It is its own to take, and free once it is renamed.
    rename = getattr(place.operator, f"Update{noun}")
    rename(id=one.id, name=one.slug, update_mask=NAME)
    rename(id=one.id, name=new_name(noun), update_mask=NAME)
    assert getattr(place.operator, f"Create{noun}")(name=one.slug).metadata.slug == one.slug


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("paths", [[], ["parent"], ["name", "colour"]])
def test_only_the_name_can_be_changed(place: Place, noun: str, paths: list[str]) -> None:
    update = getattr(place.operator, f"Update{noun}")
    with refused("INVALID_ARGUMENT", about="update_mask") as refusal:
        update(id=create(place, noun).metadata.id, name="x", update_mask={"paths": paths})
    assert ("ever moves" in refusal.message) == (paths == ["parent"])


def test_an_admin_of_a_project_makes_renames_and_deletes_what_is_below(place: Place) -> None:
    admin = place.site.account(ADMIN, place.project)
    made = admin.CreateProject(name=new_name("project"), parent=place.project).metadata.id
    deep = admin.CreateProject(name=new_name("project"), parent=made).metadata.id
    admin.UpdateProject(id=deep, name=new_name("project"), update_mask=NAME)
    admin.DeleteProject(id=deep)
    admin.DeleteProject(id=made)
    with refused("PERMISSION_DENIED") as refusal:
        admin.DeleteProject(id=place.project)
    assert "on the system" in refusal.message
    with refused("PERMISSION_DENIED"):
        admin.CreateProject(name=new_name("project"))
    with refused("PERMISSION_DENIED"):
        admin.CreateProject(name=new_name("project"), parent=create(place, "Project").metadata.id)


def test_an_admin_of_a_region_makes_and_deletes_those_below(place: Place) -> None:
    admin = place.site.account(ADMIN, region=place.region)
    made = admin.CreateRegion(name=new_name("region"), parent=place.region).metadata.id
    admin.UpdateRegion(id=made, name=new_name("region"), update_mask=NAME)
    admin.DeleteRegion(id=made)
    with refused("PERMISSION_DENIED"):
        admin.DeleteRegion(id=place.region)
    with refused("PERMISSION_DENIED"):
        admin.CreateRegion(name=new_name("region"))
    with refused("PERMISSION_DENIED"):
        place.member.UpdateRegion(id=place.region, name="x", update_mask=NAME)


# Deleting


@pytest.mark.parametrize("noun", NOUNS)
def test_what_has_others_below_it_is_not_deleted(place: Place, noun: str) -> None:
    made = create(place, noun).metadata.id
    child = create(place, noun, made).metadata.id
    delete = getattr(place.operator, f"Delete{noun}")
    with refused("FAILED_PRECONDITION", f"HAS_{noun.upper()}S_BELOW") as refusal:
        delete(id=made)
    assert child in refusal.message
    delete(id=child)
    delete(id=made)


@pytest.mark.parametrize("noun", NOUNS)
def test_what_is_deleted_is_gone_and_its_name_free(place: Place, noun: str) -> None:
    made = create(place, noun)
    account = place.site.new_account()
    place.operator.AssignRole(account=account, role=ADMIN, **{noun.lower(): made.metadata.id})
    request_id = str(uuid4())
    delete = getattr(place.operator, f"Delete{noun}")
    delete(id=made.metadata.id, request_id=request_id)
    delete(id=made.metadata.id, request_id=request_id)
    with refused("NOT_FOUND"):
        delete(id=made.metadata.id)
    with refused("NOT_FOUND"):
        getattr(place.operator, f"Get{noun}")(id=made.metadata.id)
    with refused("NOT_FOUND"):
        getattr(place.operator, f"Create{noun}")(name=new_name("x"), parent=made.metadata.id)
    listed = getattr(place.operator, f"List{noun}s")(page={"size": 1000})
    assert made.metadata.id not in ids(getattr(listed, f"{noun.lower()}s"))
    assert list(place.operator.ListAssignments(account=account).assignments) == []
    again = getattr(place.operator, f"Create{noun}")(name=made.metadata.name)
    assert again.metadata.id != made.metadata.id


@pytest.mark.parametrize("noun", NOUNS)
def test_who_deletes_what_is_below_may_ask_again_and_sees_what_becomes_of_it(
    place: Place, noun: str
) -> None:
    top = create(place, noun).metadata.id
    admin = place.site.account(ADMIN, **{noun.lower(): top})
    make, delete = getattr(admin, f"Create{noun}"), getattr(admin, f"Delete{noun}")
    asked = {"name": new_name(noun), "parent": top, "request_id": str(uuid4())}
    made = make(**asked).metadata.id
    ended = {"id": made, "request_id": str(uuid4())}
    for _ in range(2):
        delete(**ended)
    # A creation that is asked for again brings nothing back.
    assert make(**asked).metadata.id == made
    begin = {"Project": "SetQuota", "Region": "CreateNetwork"}[noun]
    more = {"Project": {}, "Region": {"name": "n"}}[noun]
    with refused("NOT_FOUND"):
        getattr(place.operator, begin)(
            **{noun.lower(): made}, spec={"Project": {"claims": 1}, "Region": NETWORK}[noun], **more
        )
    watched = admin.iamWatch(after_revision=1, object_id=made)
    assert "deleted" in (event.kind for event in watched)
    watched.cancel()


def test_in_a_deleted_project_nothing_begins_and_what_it_has_can_be_ended(place: Place) -> None:
    place.host()
    machine = place.machine()
    place.operator.DeleteProject(id=place.project)
    amounts = [{"resource_type": "VCPU", "amount": 1}]
    begun: dict[str, dict[str, Any]] = {
        "ProvisionMachine": {"name": "late", "region": place.region, "spec": place.spec()},
        "CreateClaim": {"spec": {"region": place.region, "amounts": amounts}},
        "SetQuota": {"spec": {"claims": 1}},
    }
    for rpc, fields in begun.items():
        with refused("NOT_FOUND") as refusal:
            getattr(place.operator, rpc)(project=place.project, **fields)
        assert refusal.resource == ("project", place.project)
    ended = place.operator.DecommissionMachine(project=place.project, id=machine)
    assert place.site.end_of(ended.operation.metadata.id).status.state == "done"


def test_in_a_deleted_region_nothing_begins(place: Place) -> None:
    place.operator.DeleteRegion(id=place.region)
    with refused("NOT_FOUND") as refusal:
        place.create_network()
    assert refusal.resource == ("region", place.region)


def test_a_project_made_by_another_process_is_known_when_it_is_asked_for(site: Site) -> None:
    top = site.admin.CreateProject(name=new_name("project")).metadata.id
    member = site.account(common_pb2.ROLE_MEMBER, top)
    made = site.installation.write(
        lambda session: projects.create_project(session, new_name("project"), top).id
    )
    assert list(member.ListMachines(project=made).machines) == []
