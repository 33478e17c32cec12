"""What is for a region "or below" whose parts are at several sites."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.timestamp_pb2 import Timestamp

from mulligan_client.errors import MulliganCallError
from mulligan_client.gen import methods
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.leads import is_or_below
from mulligan_client.methods import Method
from mulligan_client.routing import RoutedCaller
from tests.client.sites import NORTH, OTHER, SOUTH, TWO, World, error, refused, site

FULL = ("RESOURCE_EXHAUSTED", "NO_CAPACITY")


def two_sites() -> tuple[World, RoutedCaller, dict[str, tuple[str, str]]]:
    """Two sites below a region, and what each of them refuses with."""
    world, answers = World(*TWO), dict[str, tuple[str, str]]()
    world.tree = {"top": {"north", "south"}}

    def do(address: str, method: Method, request: Any) -> None:
        if refusal := answers.get(address):
            raise error(*refusal)

    world.do = do
    return world, world.caller("resource"), answers


def claim_below(caller: RoutedCaller, **fields: Any) -> None:
    spec = resource_pb2.ClaimSpec(region="top", or_below=True)
    request = resource_pb2.CreateClaimRequest(spec=spec, **fields)
    caller.unary(methods.RESOURCE_CREATE_CLAIM, request, resource_pb2.Claim, None)


def test_a_claim_or_below_goes_on_only_where_it_was_refused() -> None:
    world = World(*TWO)
    world.tree = {"top": {"north", "south"}}
    answers = {NORTH: "NO_CAPACITY", SOUTH: "UNAVAILABLE"}

    def do(address: str, method: Method, request: Any) -> None:
        if code := answers.get(address):
            raise error("RESOURCE_EXHAUSTED" if code == "NO_CAPACITY" else code, code)

    world.do = do
    caller = world.caller("resource")
    assert refused(lambda: claim_below(caller, request_id="one")).code == "UNAVAILABLE"
    assert world.addresses == [NORTH, SOUTH]
    # It may have been done at the second, so the first is not asked again though it has room now.
    answers.clear()
    world.calls.clear()
    claim_below(caller, request_id="one")
    claim_below(caller, request_id="two")
    assert world.addresses == [SOUTH, NORTH]
    answers[NORTH] = "UNAVAILABLE"
    assert refused(lambda: claim_below(caller)).code == "UNAVAILABLE"
    assert world.addresses == [SOUTH, NORTH, NORTH]
    # A new one, which nobody can have made before, need not wait for a site that is away.
    world.calls.clear()
    claim_below(caller)
    assert refused(lambda: claim_below(caller, request_id="three")).code == "UNAVAILABLE"
    assert world.addresses == [SOUTH, NORTH]


def test_a_claim_or_below_waits_where_no_site_has_room_at_once() -> None:
    world = World(*TWO)
    world.tree = {"top": {"north", "south"}}

    def do(address: str, method: Method, request: Any) -> None:
        if not request.HasField("wait_until"):
            raise error("RESOURCE_EXHAUSTED", "NO_CAPACITY")

    world.do = do
    claim_below(world.caller("resource"), request_id="one", wait_until={"seconds": 9})
    assert world.addresses == [NORTH, SOUTH, NORTH]
    assert [request.request_id == "one" for _, _, request in world.calls] == [False, False, True]


@pytest.mark.parametrize("status", ["", "INTERNAL", "UNKNOWN", "CANCELLED"])
def test_a_claim_that_is_made_again_goes_to_the_site_that_may_have_done_it(status: str) -> None:
    world, caller, answers = two_sites()
    answers[NORTH] = FULL
    if status:
        answers[SOUTH] = status, status
        assert refused(lambda: claim_below(caller, request_id="one")).code == status
    else:
        claim_below(caller, request_id="one")
    answers.clear()
    for number in range(20_000):
        world.whereabouts.note_id(f"of a long list {number}", "north")
    claim_below(caller, request_id="one")
    assert world.addresses == [NORTH, SOUTH, SOUTH]


@pytest.mark.parametrize("wait", [{}, {"wait_until": {"seconds": 9}}])
def test_a_claim_is_bound_to_a_site_only_until_that_refuses_it(wait: dict[str, Any]) -> None:
    world, caller, answers = two_sites()
    answers[NORTH] = "UNAVAILABLE", "UNAVAILABLE"
    assert refused(lambda: claim_below(caller, request_id="one", **wait)).code == "UNAVAILABLE"
    answers[NORTH] = FULL
    claim_below(caller, request_id="one", **wait)
    assert world.addresses == [NORTH, NORTH, SOUTH]


def test_a_claim_that_may_wait_at_a_site_is_looked_for_there_first() -> None:
    world, caller, answers = two_sites()

    def do(address: str, method: Method, request: Any) -> None:
        if not request.HasField("wait_until"):
            raise error(*FULL)
        if refusal := answers.get(address):
            raise error(*refusal)

    world.do = do
    answers[NORTH] = "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"
    again = {"request_id": "one", "wait_until": {"seconds": 9}}
    assert refused(lambda: claim_below(caller, **again)).code == "DEADLINE_EXCEEDED"
    answers.clear()
    world.calls.clear()
    claim_below(caller, **again)
    assert world.addresses == [NORTH]
    assert world.calls[0][2].request_id == "one"


@pytest.mark.parametrize(
    ("told", "own_id"),
    [((), ""), (("http://north.lan:1",), ""), (("http://north.lan:1",), "one")],
)
def test_a_site_that_can_not_be_called_does_not_stop_a_claim(
    told: tuple[str, ...], own_id: str
) -> None:
    """Nothing of it is known, or nothing that a token may go to."""
    world, caller, answers = two_sites()
    world.told = (site("north", *told), TWO[1])
    claim_below(caller, request_id=own_id)
    claim_below(caller, request_id=own_id and "two", wait_until={"seconds": 9})
    assert world.addresses == [SOUTH, SOUTH]
    # It is said if none has it.
    answers[SOUTH] = FULL
    failure = refused(lambda: claim_below(caller))
    assert (failure.code, failure.grpc_status) == ("NO_SERVICE", "UNAVAILABLE")
    assert "site north has no service resource that this client can reach" in failure.message
    assert "site south: as the test says" in failure.message
    world.told = (site("north", *told), site("south"))
    world.now += 61
    failure = refused(lambda: claim_below(caller))
    assert failure.code == "NO_SERVICE"
    for name in ("north", "south"):
        assert f"site {name} has no service resource" in failure.message


def test_a_claim_of_another_process_may_be_done_at_a_site_that_is_not_heard_of() -> None:
    world, caller, _ = two_sites()
    world.told = (site("north"), TWO[1])
    assert refused(lambda: claim_below(caller, request_id="one")).code == "NO_SERVICE"
    assert world.addresses == []


def test_a_claim_that_a_site_may_have_done_is_made_at_no_other_one_while_that_has_no_address() -> (
    None
):
    world, caller, answers = two_sites()
    answers[NORTH] = "UNAVAILABLE", "UNAVAILABLE"
    assert refused(lambda: claim_below(caller, request_id="one")).code == "UNAVAILABLE"
    world.told = (site("north"), TWO[1])
    world.now += 61
    for _ in range(2):
        assert refused(lambda: claim_below(caller, request_id="one")).code == "NO_SERVICE"
    assert world.addresses == [NORTH]
    world.told, answers[NORTH] = TWO, FULL
    claim_below(caller, request_id="one")
    assert world.addresses == [NORTH, NORTH, SOUTH]


@pytest.mark.parametrize("wait", [{}, {"wait_until": {"seconds": 9}}])
def test_a_claim_that_a_site_may_have_done_is_asked_of_it_when_the_region_has_left(
    wait: dict[str, Any],
) -> None:
    world, caller, answers = two_sites()
    answers[NORTH] = "UNAVAILABLE", "UNAVAILABLE"
    assert refused(lambda: claim_below(caller, request_id="one", **wait)).code == "UNAVAILABLE"
    world.told = (site("north", NORTH, regions=("x",)), site("south", SOUTH, regions=("top",)))
    world.now += 61
    world.calls.clear()
    assert refused(lambda: claim_below(caller, request_id="one", **wait)).code == "UNAVAILABLE"
    del answers[NORTH]
    claim_below(caller, request_id="one", **wait)
    assert world.addresses == [NORTH, NORTH]
    # One that did not do it says so, and then it may go to where the region is.
    answers[NORTH] = "UNAVAILABLE", "UNAVAILABLE"
    world.told = TWO
    world.now += 61
    assert refused(lambda: claim_below(caller, request_id="two", **wait)).code == "UNAVAILABLE"
    world.told = (site("north", NORTH, regions=("x",)), site("south", SOUTH, regions=("top",)))
    world.now += 61
    world.calls.clear()
    answers[NORTH] = "FAILED_PRECONDITION", "REGION_ELSEWHERE"
    claim_below(caller, request_id="two", **wait)
    assert world.addresses == [NORTH, SOUTH]


@pytest.mark.parametrize("wait", [{}, {"wait_until": {"seconds": 9}}])
@pytest.mark.parametrize("others", [(), (site("west", OTHER),)])
def test_a_claim_that_a_site_may_have_done_that_is_no_more_is_made_at_no_other_one(
    others: tuple[Any, ...], wait: dict[str, Any]
) -> None:
    world, caller, answers = two_sites()
    answers[NORTH] = "UNAVAILABLE", "UNAVAILABLE"
    assert refused(lambda: claim_below(caller, request_id="one", **wait)).code == "UNAVAILABLE"
    world.told = (TWO[1], *others)
    world.now += 61
    world.calls.clear()
    failure = refused(lambda: claim_below(caller, request_id="one", **wait))
    assert (failure.code, failure.grpc_status) == ("SITE_GONE", "FAILED_PRECONDITION")
    assert "may have been done at site north" in failure.message
    assert world.addresses == []
    claim_below(caller, request_id="two", **wait)
    assert world.addresses == [SOUTH]


def test_candidates_or_below_are_those_of_a_site_that_can_be_called() -> None:
    world, caller, _ = two_sites()
    world.told = (site("north"), TWO[1])
    candidate = resource_pb2.Candidate()
    full = Ends(error(*FULL))
    world.do = lambda *_: [candidate]
    spec = resource_pb2.ClaimSpec(region="top", or_below=True)
    request = resource_pb2.ProposeCandidatesRequest(spec=spec)
    method, answer = methods.RESOURCE_PROPOSE_CANDIDATES, resource_pb2.Candidate
    assert list(caller.stream(method, request, answer, None)) == [candidate]
    world.do = lambda *_: full
    failure = refused(lambda: list(caller.stream(method, request, answer, None)))
    assert failure.code == "NO_CAPACITY"
    assert "site north has no service resource" in failure.message
    world.told = (site("north"), site("south"))
    world.now += 61
    assert refused(lambda: caller.stream(method, request, answer, None)).code == "NO_SERVICE"


class EndsError(grpc.RpcError):
    """How a stream ends."""

    def __init__(self, words: MulliganCallError) -> None:
        super().__init__()
        self.words = words


class Ends:
    """A stream in which nothing comes before it fails."""

    def __init__(self, words: MulliganCallError) -> None:
        self._words = words

    def __iter__(self) -> Iterator[Any]:
        raise EndsError(self._words)

    def cancel(self) -> None:
        """End it."""


@pytest.mark.parametrize("part", ["claim", "machine"])
@pytest.mark.parametrize(
    ("method", "request_type", "answer"),
    [
        (
            methods.RESOURCE_CREATE_RESERVATIONS,
            resource_pb2.CreateReservationsRequest,
            resource_pb2.CreateReservationsResponse,
        ),
        (
            methods.RESOURCE_CREATE_RESERVATION_SERIES,
            resource_pb2.CreateReservationSeriesRequest,
            resource_pb2.ReservationSeries,
        ),
    ],
)
def test_reservations_or_below_are_made_where_there_is_room(
    method: Method, request_type: Any, answer: Any, part: str
) -> None:
    world, caller, answers = two_sites()
    answers[NORTH] = FULL
    request = request_type(region="top")
    assert refused(lambda: caller.unary(method, request, answer, None)).code == "NO_SITE"
    getattr(request.spec, part).or_below = True
    caller.unary(method, request, answer, None)
    assert world.addresses == [NORTH, SOUTH]


def or_belows(message: Descriptor, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the paths of the fields of that name in a message."""
    for field in message.fields:
        path = (*above, field.name)
        if field.name == "or_below":
            yield path
        elif field.message_type is not None and field.name not in above:
            yield from or_belows(field.message_type, path)


def test_each_request_that_can_be_or_below_is_known_to_be() -> None:
    there = {
        (method.name, path)
        for module in (control_pb2, resource_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        for path in or_belows(method.input_type)
    }
    of_objects = {("ChangeClaims", ("changes", "move", "spec", "or_below"))}
    """They go to the site of what they name."""
    assert of_objects < there
    for name, path in there - of_objects:
        request = getattr(resource_pb2, f"{name}Request", None) or getattr(
            control_pb2, f"{name}Request"
        )
        asked = part = request()
        for step in path[:-1]:
            part = getattr(part, step)
        part.or_below = True
        assert is_or_below(asked), (name, path)


def test_openings_or_below_are_the_earliest_of_all_sites() -> None:
    world, caller, answers = two_sites()
    free = {NORTH: [30, 40], SOUTH: [10, 35]}

    def do(address: str, method: Method, request: Any) -> resource_pb2.FindOpeningsResponse:
        if refusal := answers.get(address):
            raise error(*refusal)
        windows = [common_pb2.Window(acquire_at=Timestamp(seconds=at)) for at in free[address]]
        openings = [resource_pb2.Opening(window=one) for one in windows]
        return resource_pb2.FindOpeningsResponse(openings=openings)

    world.do = do
    spec = resource_pb2.ClaimSpec(region="top", or_below=True)
    request = resource_pb2.FindOpeningsRequest(spec=spec, limit=3)

    def starts() -> list[int]:
        method, answer = methods.RESOURCE_FIND_OPENINGS, resource_pb2.FindOpeningsResponse
        found = caller.unary(method, request, answer, None)
        return [one.window.acquire_at.seconds for one in found.openings]

    assert starts() == [10, 30, 35]
    answers[NORTH] = FULL
    assert starts() == [10, 35]
    answers[SOUTH] = FULL
    assert refused(starts).code == "NO_CAPACITY"
