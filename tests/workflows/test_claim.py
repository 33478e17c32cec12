"""Claim: wait for capacity, hold, and end as somebody or the time decides."""

from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from tests.fakes.caller import refused
from tests.fakes.place import Place
from tests.workflows.outcome import cancel, used, workflow_status


def soon(**span: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(**span))
    return stamp


def claims_of(place: Place, claim: str) -> str:
    """The operation that a claim came from."""
    [operation] = place.member.ListOperations(object_id=claim).operations
    return str(operation.metadata.id)


def all_vcpus(place: Place, **more: Any) -> Any:
    return place.claim(spec={"amounts": [{"resource_type": "VCPU", "amount": 8}]}, **more)


def test_a_claim_waits_for_capacity_and_is_woken_by_a_release(place: Place) -> None:
    host = place.host()
    first = all_vcpus(place)
    second = all_vcpus(place, wait_until=soon(hours=1))
    operation = claims_of(place, second.metadata.id)
    [waiting] = place.member.until(
        lambda event: event.kind == "step", operation=operation, after_revision=1
    )[-1:]
    assert "8 VCPU free in the window" in waiting.message
    place.member.ReleaseClaim(project=place.project, id=first.metadata.id)
    ended = place.site.end_of(operation)
    assert ended.status.state == "done"
    claim = place.member.GetClaim(project=place.project, id=second.metadata.id)
    assert claim.status.state == "confirmed"
    assert used(place, host) == {"VCPU": 8}


def test_a_claim_that_waited_in_vain_says_why(sqlite_place: Place) -> None:
    sqlite_place.host()
    all_vcpus(sqlite_place)
    waiting = all_vcpus(sqlite_place, wait_until=soon(seconds=1.5))
    ended = sqlite_place.site.end_of(claims_of(sqlite_place, waiting.metadata.id))
    assert (ended.status.state, ended.error_code) == ("failed", "NO_CAPACITY")
    assert "8 VCPU free in the window" in ended.status.reason


def test_a_claim_waits_until_a_provider_is_healthy_again(sqlite_place: Place) -> None:
    place = sqlite_place
    host = place.host()
    place.operator.MarkProviders(
        ids=[host], kind="unhealthy", reason="pings get lost", expires_at=soon(seconds=3)
    )
    waiting = all_vcpus(place, wait_until=soon(hours=1))
    assert place.site.end_of(claims_of(place, waiting.metadata.id)).status.state == "done"
    claim = place.member.GetClaim(project=place.project, id=waiting.metadata.id)
    assert claim.status.state == "confirmed"


def test_a_hold_lapses_unless_it_is_confirmed(place: Place) -> None:
    host = place.host()
    held = all_vcpus(place, hold_until=soon(seconds=4))
    assert held.status.state == "held"
    assert used(place, host) == {"VCPU": 8}
    ended = place.site.end_of(claims_of(place, held.metadata.id))
    assert ended.status.state == "done"
    claim = place.member.GetClaim(project=place.project, id=held.metadata.id)
    assert claim.status.state == "lapsed"
    assert used(place, host) == {}
    with refused("FAILED_PRECONDITION"):
        place.member.ConfirmClaim(project=place.project, id=held.metadata.id)


def test_a_hold_that_is_confirmed_ends_its_operation(place: Place) -> None:
    place.host()
    held = all_vcpus(place, hold_until=soon(hours=1))
    confirmed = place.member.ConfirmClaim(project=place.project, id=held.metadata.id)
    assert confirmed.status.state == "confirmed"
    assert place.site.end_of(claims_of(place, held.metadata.id)).status.state == "done"


def test_a_hold_that_is_released_ends_its_operation(sqlite_place: Place) -> None:
    sqlite_place.host()
    held = all_vcpus(sqlite_place, hold_until=soon(hours=1))
    sqlite_place.member.ReleaseClaim(project=sqlite_place.project, id=held.metadata.id)
    ended = sqlite_place.site.end_of(claims_of(sqlite_place, held.metadata.id))
    assert ended.status.state == "done"


def test_a_lapsing_hold_gives_way_to_who_waits(sqlite_place: Place) -> None:
    sqlite_place.host()
    all_vcpus(sqlite_place, hold_until=soon(seconds=1.5))
    waiting = all_vcpus(sqlite_place, wait_until=soon(hours=1))
    ended = sqlite_place.site.end_of(claims_of(sqlite_place, waiting.metadata.id))
    assert ended.status.state == "done"


def test_a_cancelled_hold_is_released(sqlite_place: Place) -> None:
    host = sqlite_place.host()
    held = all_vcpus(sqlite_place, hold_until=soon(hours=1))
    operation = claims_of(sqlite_place, held.metadata.id)
    cancel(sqlite_place, operation)
    assert sqlite_place.site.end_of(operation).status.state == "cancelled"
    claim = sqlite_place.member.GetClaim(project=sqlite_place.project, id=held.metadata.id)
    assert claim.status.state == "released"
    assert used(sqlite_place, host) == {}


def test_a_cancelled_wait_leaves_no_claim(sqlite_place: Place) -> None:
    waiting = all_vcpus(sqlite_place, wait_until=soon(hours=1))
    operation = claims_of(sqlite_place, waiting.metadata.id)
    cancel(sqlite_place, operation)
    assert sqlite_place.site.end_of(operation).status.state == "cancelled"
    status = workflow_status(sqlite_place, operation)
    assert status is not None
    assert status.name == "CANCELED"
    with refused("NOT_FOUND"):
        sqlite_place.member.GetClaim(project=sqlite_place.project, id=waiting.metadata.id)
