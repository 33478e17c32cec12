"""Operations: seen by their project, newest first, with what was said."""

from uuid import uuid4

from tests.fakes.caller import refused
from tests.fakes.place import Place, on_sqlite
from tests.fakes.site import Site


@on_sqlite
def test_operations_are_listed_newest_first_in_pages(place: Place) -> None:
    place.host()
    machine = place.machine()
    place.site.end_of(place.decommission(machine).metadata.id)
    place.claim()
    listed = place.member.ListOperations(project=place.project).operations
    assert [one.type for one in listed] == ["claim", "decommission", "provision"]
    seen, token = [], ""
    while True:
        page = place.member.ListOperations(project=place.project, page={"size": 1, "token": token})
        seen += [one.metadata.id for one in page.operations]
        token = page.next_page_token
        if not token:
            break
    assert seen == [one.metadata.id for one in listed]
    of_machine = place.member.ListOperations(object_id=machine).operations
    assert [one.type for one in of_machine] == ["decommission", "provision"]


def test_another_projects_operation_is_not_there(place: Place, site: Site) -> None:
    place.host()
    machine = place.machine()
    [operation] = place.member.ListOperations(object_id=machine).operations
    other = Place(site)
    for show in (other.member.GetOperation, other.member.GetOperationLog):
        with refused("NOT_FOUND") as refusal:
            show(id=operation.metadata.id)
        assert refusal.resource == ("operation", operation.metadata.id)
    for narrowed in ({}, {"project": place.project}, {"object_id": machine}):
        assert not other.member.ListOperations(**narrowed).operations
    # A request of another project never meets this one, whatever its request id.
    claim = {"spec": {"amounts": [{"resource_type": "VCPU", "amount": 1}], "region": place.region}}
    request_id = str(uuid4())
    ours = place.member.CreateClaim(project=place.project, request_id=request_id, **claim)
    theirs = other.member.CreateClaim(project=other.project, request_id=request_id, **claim)
    assert ours.metadata.id != theirs.metadata.id


@on_sqlite
def test_operators_operations_are_not_for_members(place: Place) -> None:
    host = place.host()
    [operation] = place.operator.ListOperations(object_id=host).operations
    assert operation.author
    with refused("NOT_FOUND"):
        place.member.GetOperation(id=operation.metadata.id)
    assert not place.member.ListOperations(object_id=host).operations
