"""Reconcile and ListDifferences: who may ask, once for each request, and what is answered."""

from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from mulligan.resource import providers
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import Place


def break_an_offer(place: Place) -> str:
    """A server that is withheld for no reason."""
    server = place.server()

    def withdraw(session: Session) -> None:
        providers.set_availability(session, server, False, "a bug")

    place.site.database.write(withdraw)
    return server


def test_an_operator_reconciles_a_region_and_reads_what_differed(place: Place) -> None:
    server = break_an_offer(place)
    begun = place.operator.Reconcile(region=place.region)
    assert (begun.type, begun.object_type, begun.object_id) == ("reconcile", "region", place.region)
    assert place.site.end_of(begun.metadata.id).status.state == "done"
    [listed] = place.operator.ListDifferences(region=place.region).differences
    assert (listed.region, listed.kind) == (place.region, "OFFER_WRONG")
    assert (listed.object_type, listed.object_id) == ("server", server)
    assert "is not offered to requests, but server is available" in listed.message
    assert listed.mends_itself
    assert listed.action
    assert listed.HasField("found_at")
    assert listed.HasField("mended_at")


def test_the_same_request_is_the_same_run(sqlite_place: Place) -> None:
    assert sqlite_place.executor
    request: dict[str, Any] = {"region": sqlite_place.region, "request_id": str(uuid4())}
    first = sqlite_place.operator.Reconcile(**request)
    assert sqlite_place.operator.Reconcile(**request).metadata.id == first.metadata.id
    assert sqlite_place.site.end_of(first.metadata.id).status.state == "done"
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED"):
        sqlite_place.operator.Reconcile(**{**request, "region": Place(sqlite_place.site).region})


def test_a_region_that_does_not_exist_is_refused(place: Place) -> None:
    with refused("NOT_FOUND"):
        place.operator.Reconcile(region=str(uuid4()))
    with refused("INVALID_ARGUMENT", about="region"):
        place.operator.Reconcile()


def test_differences_are_listed_by_region(sqlite_place: Place) -> None:
    server = break_an_offer(sqlite_place)
    begun = sqlite_place.operator.Reconcile(region=sqlite_place.region)
    sqlite_place.site.end_of(begun.metadata.id)
    elsewhere = Place(sqlite_place.site)
    assert not elsewhere.operator.ListDifferences(region=elsewhere.region).differences
    everywhere = sqlite_place.operator.ListDifferences().differences
    assert server in {one.object_id for one in everywhere}


def test_members_see_and_start_nothing_and_readers_of_the_system_read(place: Place) -> None:
    for ask in (place.member.Reconcile, place.member.ListDifferences):
        with refused("PERMISSION_DENIED"):
            ask(region=place.region)
    reader = place.site.account(common_pb2.ROLE_READER)
    assert not reader.ListDifferences(region=place.region).differences
    with refused("PERMISSION_DENIED"):
        reader.Reconcile(region=place.region)
