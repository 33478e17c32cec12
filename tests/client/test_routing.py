"""Which site and address a call goes to, with fakes in the place of addresses."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mulligan_client.gen import methods
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.leads import is_of_many
from mulligan_client.methods import Method
from mulligan_client.routing import RoutedCaller
from tests.client.sites import NORTH, OTHER, SOUTH, TWO, World, error, only_at, refused, site


def metadata(object_id: str, at: int = 0) -> common_pb2.Metadata:
    return common_pb2.Metadata(id=object_id, created_at=Timestamp(seconds=at))


def create_host(caller: RoutedCaller, region: str) -> None:
    request = control_pb2.CreateHostRequest(region=region)
    caller.unary(methods.CONTROL_CREATE_HOST, request, control_pb2.Host, None)


def get_host(caller: RoutedCaller, object_id: str) -> control_pb2.Host:
    request = control_pb2.GetHostRequest(id=object_id)
    return caller.unary(methods.CONTROL_GET_HOST, request, control_pb2.Host, None)


def list_hosts(caller: RoutedCaller, **fields: Any) -> control_pb2.ListHostsResponse:
    request = control_pb2.ListHostsRequest(**fields)
    return caller.unary(methods.CONTROL_LIST_HOSTS, request, control_pb2.ListHostsResponse, None)


def test_a_change_keeps_its_request_id_at_another_address_and_goes_there_first_from_then() -> None:
    world = World(site("north", NORTH, OTHER), do=only_at(OTHER))
    caller = world.caller()
    create_host(caller, "north")
    create_host(caller, "north")
    assert world.addresses == [NORTH, OTHER, OTHER]
    assert world.calls[0][2].request_id == world.calls[1][2].request_id != ""


def test_threads_wait_for_the_first_answer_of_iam() -> None:
    world, asking, go = World(*TWO), threading.Event(), threading.Event()
    ask = world.ask

    def slow(waits: bool) -> iam_pb2.ListServicesResponse:
        asking.set()
        assert go.wait(10)
        return ask(waits)

    world.ask = slow  # type: ignore[method-assign]
    caller = world.caller()
    threads = [threading.Thread(target=create_host, args=(caller, "south")) for _ in range(3)]
    for one in threads:
        one.start()
    assert asking.wait(10)
    go.set()
    for one in threads:
        one.join(10)
    assert world.addresses == [SOUTH] * 3
    assert world.asked == 1


@pytest.mark.parametrize("only", ["", "south"])
def test_while_iam_does_not_tell_nothing_goes_anywhere(only: str) -> None:
    world = World(*TWO)
    world.iam_fails = error("DEADLINE_EXCEEDED")
    caller = world.caller(only=only)
    assert refused(lambda: create_host(caller, "south")).code == "DEADLINE_EXCEEDED"
    assert world.calls == []
    world.iam_fails = None
    create_host(caller, "south")
    world.iam_fails = error("UNAVAILABLE")
    world.now += 3600
    create_host(caller, "south")
    assert world.addresses == [SOUTH, SOUTH], "what iam told before holds"


@pytest.mark.parametrize("code", ["UNIMPLEMENTED", "CREDENTIAL_LIMITED"])
def test_an_iam_without_a_catalogue_is_where_everything_is(code: str) -> None:
    world = World()
    world.iam_fails = error("PERMISSION_DENIED", code)
    create_host(world.caller(), "south")
    assert world.addresses == [""]
    assert refused(lambda: create_host(world.caller(only="south"), "south")).code == code


def test_a_chosen_site_never_becomes_the_one_beside_iam() -> None:
    world = World(site("north", NORTH), site("south"))
    caller = world.caller("resource", only="south")
    request = resource_pb2.CreateProviderTypeRequest(name="rack")

    def create() -> None:
        method = methods.RESOURCE_CREATE_PROVIDER_TYPE
        caller.unary(method, request, resource_pb2.ProviderType, None)

    assert refused(create).grpc_status == "UNAVAILABLE"
    unknown = world.caller(only="west")
    for _ in range(2):
        assert refused(lambda: create_host(unknown, "north")).code == "NOT_FOUND"
    assert world.calls == []
    world.told = (site("north", NORTH), site("south", SOUTH))
    create()
    assert world.addresses == [SOUTH], "it was restarted elsewhere"


def test_a_site_without_a_living_process_of_a_service_says_so() -> None:
    away = site("north", NORTH, alive=False)
    elsewhere = site("north", OTHER).services[0]
    elsewhere.kinds[:] = ["meta"]
    away.services.append(elsewhere)
    world = World(away, TWO[1], do=only_at(SOUTH))
    failure = refused(lambda: create_host(world.caller(), "north"))
    assert (failure.code, failure.grpc_status) == ("NO_SERVICE", "UNAVAILABLE")
    assert "no process of service control of site north is alive: as the test" in failure.message
    assert world.addresses == [NORTH], "it may be back before iam knows it"
    world.told = (site("north", NORTH), TWO[1])
    assert refused(lambda: create_host(world.caller(), "north")).code == "UNAVAILABLE"
    world.told = (iam_pb2.Site(id="north", regions=["north"], services=[elsewhere]), TWO[1])
    for only in ("", "north"):
        caller = world.caller(only=only)
        failure = refused(partial(create_host, caller, "north"))
        assert (failure.code, failure.grpc_status) == ("NO_SERVICE", "UNAVAILABLE")
        assert failure.object_id == "north"
        assert "no service control that this client can reach" in failure.message


def test_a_site_that_is_new_is_known_after_a_while_and_at_once_if_it_is_needed() -> None:
    world = World(TWO[0])
    caller = world.caller()
    create_host(caller, "north")
    world.told = TWO
    world.now += 61
    create_host(caller, "south")
    world.told = (*TWO, site("west", OTHER))
    create_host(caller, "west")
    assert world.addresses == [NORTH, SOUTH, OTHER]


def test_what_no_site_has_is_looked_for_at_a_new_one() -> None:
    world = World(*TWO, do=only_at(OTHER, status="NOT_FOUND"))
    caller = world.caller()
    assert refused(lambda: get_host(caller, "x")).code == "NOT_FOUND"
    world.told = (*TWO, site("west", OTHER))
    world.now += 10
    get_host(caller, "x")
    assert world.addresses[-1] == OTHER


def test_a_region_that_moved_is_followed_once() -> None:
    world = World(TWO[0])

    def do(address: str, method: Method, request: Any) -> None:
        if address == NORTH:
            raise error("FAILED_PRECONDITION", "REGION_ELSEWHERE")

    world.do = do
    caller = world.caller()
    assert refused(lambda: create_host(caller, "south")).code == "REGION_ELSEWHERE"
    world.told, world.calls = TWO, []
    world.now += 1
    create_host(caller, "south")
    assert world.addresses == [NORTH, SOUTH]
    assert len({request.request_id for _, _, request in world.calls}) == 1


def test_an_id_in_upper_case_is_the_same() -> None:
    south = "bbbbbbbb-0000-4000-8000-00000000000b"
    world = World(TWO[0], site(south, SOUTH))
    create_host(world.caller(), south.upper())
    create_host(world.caller(only=south.upper()), south)
    world.tree = {south: {"north"}}
    spec = resource_pb2.ClaimSpec(region=south.upper(), or_below=True)
    request = resource_pb2.FindOpeningsRequest(spec=spec)
    method, answer = methods.RESOURCE_FIND_OPENINGS, resource_pb2.FindOpeningsResponse
    world.caller("resource").unary(method, request, answer, None)
    assert sorted(world.addresses) == [NORTH, SOUTH, SOUTH, SOUTH]


def test_what_is_for_a_region_of_no_site_is_done_nowhere() -> None:
    world = World(*TWO)
    assert refused(lambda: create_host(world.caller(), "west")).code == "NO_SITE"
    assert world.calls == []


def resolve(caller: RoutedCaller, kind: str, **fields: Any) -> meta_pb2.ResolveNamesResponse:
    request = meta_pb2.ResolveNamesRequest(object_type=kind, names=["web"], **fields)
    return caller.unary(methods.META_RESOLVE_NAMES, request, meta_pb2.ResolveNamesResponse, None)


def named(address: str, method: Method, request: Any) -> meta_pb2.ResolveNamesResponse:
    """South has what is called web, and the others do not answer in time."""
    if address != SOUTH:
        raise error("DEADLINE_EXCEEDED")
    found = [meta_pb2.NamedObject(asked="web", id="w", object_type=request.object_type)]
    return meta_pb2.ResolveNamesResponse(objects=found if request.names == ["web"] else [])


def test_a_name_is_found_while_another_site_is_away() -> None:
    world = World(*TWO, do=named)
    caller = world.caller("meta")
    resolve(caller, "network", region="south")
    assert world.addresses == [SOUTH], "its region leads"
    assert resolve(caller, "machine").objects[0].id == "w"
    assert world.whereabouts.of("w") == "south"
    world.calls.clear()
    resolve(caller, "project")
    assert world.addresses == [SOUTH], "each site has it, and one is known to be away"
    missing = meta_pb2.ResolveNamesRequest(object_type="machine", names=["other"])
    method, answer = methods.META_RESOLVE_NAMES, meta_pb2.ResolveNamesResponse
    failure = refused(lambda: caller.unary(method, missing, answer, None))
    assert failure.code == "DEADLINE_EXCEEDED", "the site that is away may have it"


def test_what_each_site_has_of_a_project_is_told_once_and_in_the_order_of_the_ids() -> None:
    has = {NORTH: {"P": ["t"], "b": ["x"]}, SOUTH: {"p": ["t"], "a": ["y"]}}

    def do(address: str, method: Method, request: Any) -> meta_pb2.ListTagsResponse:
        rows = [
            meta_pb2.TaggedObject(object_id=one, tags=has[address][one])
            for one in has[address]
            if one.lower() in [asked.lower() for asked in request.object_ids]
        ]
        return meta_pb2.ListTagsResponse(objects=rows)

    request = meta_pb2.ListTagsRequest(object_ids=["A", "p", "b"])
    method, answer = methods.META_LIST_TAGS, meta_pb2.ListTagsResponse
    found = World(*TWO, do=do).caller("meta").unary(method, request, answer, None)
    assert [(one.object_id, *one.tags) for one in found.objects] == [
        ("a", "y"),
        ("p", "t"),
        ("b", "x"),
    ]


def test_only_the_site_that_has_an_object_tells_where_it_is() -> None:
    event = common_pb2.AuditEvent(object_type="host", object_id="a", operation="o")
    difference = control_pb2.Difference(object_type="host", object_id="a")
    host = control_pb2.Host(metadata=metadata("a"), operation="p")
    told = {
        "ListAuditEvents": common_pb2.ListAuditEventsResponse(events=[event]),
        "ListDifferences": control_pb2.ListDifferencesResponse(differences=[difference]),
        "ListHosts": control_pb2.ListHostsResponse(hosts=[host]),
    }

    def do(address: str, method: Method, request: Any) -> Any:
        return told[method.name] if (method.name == "ListHosts") == (address == SOUTH) else None

    world = World(*TWO, do=do)
    caller = world.caller()
    audit = common_pb2.ListAuditEventsRequest()
    caller.unary(methods.CONTROL_LIST_AUDIT_EVENTS, audit, common_pb2.ListAuditEventsResponse, None)
    compared = control_pb2.ListDifferencesRequest(region="north")
    answer = control_pb2.ListDifferencesResponse
    caller.unary(methods.CONTROL_LIST_DIFFERENCES, compared, answer, None)
    assert [world.whereabouts.of(one) for one in "aop"] == ["", "", ""]
    list_hosts(caller, region="south")
    assert [world.whereabouts.of(one) for one in "aop"] == ["south", "", "south"]
    world.calls.clear()
    get_host(caller, "a")
    assert world.addresses == [SOUTH]


def test_an_iam_that_does_not_renew_a_token_makes_no_site_away() -> None:
    world = World(site("north", NORTH, OTHER), TWO[1])
    failure = error("UNAVAILABLE")
    failure.of_renewal = True

    def do(address: str, method: Method, request: Any) -> None:
        if failure.of_renewal:
            raise failure

    world.do = do
    caller = world.caller(tells=True)
    for call in (lambda: create_host(caller, "north"), lambda: list_hosts(caller)):
        assert refused(call) is failure
    assert world.addresses == [NORTH, NORTH, SOUTH]
    assert world.away == []
    failure.of_renewal = False
    world.calls.clear()
    create_host(caller, "north")
    assert world.addresses == [NORTH]
    assert set(world.attempts) == {0}


def test_a_list_goes_on_without_a_site_that_is_away_which_is_asked_once_then() -> None:
    world = World(*TWO, do=only_at(SOUTH, status="DEADLINE_EXCEEDED"))
    caller = world.caller(tells=True)
    for _ in range(2):
        list_hosts(caller)
    assert world.away == ["north", "north"]
    assert world.addresses == [NORTH, SOUTH, NORTH, SOUTH]
    assert world.attempts == [0, 0, 1, 0]
    assert refused(lambda: list_hosts(world.caller())).code == "DEADLINE_EXCEEDED"


def test_a_list_of_an_object_that_is_somewhere_asks_all_sites() -> None:
    def do(address: str, method: Method, request: Any) -> control_pb2.ListOperationsResponse:
        rows = [control_pb2.Operation(metadata=metadata("o"))] if address == SOUTH else []
        return control_pb2.ListOperationsResponse(operations=rows)

    request = control_pb2.ListOperationsRequest(object_id="x")
    method, answer = methods.CONTROL_LIST_OPERATIONS, control_pb2.ListOperationsResponse
    found = World(*TWO, do=do).caller().unary(method, request, answer, None)
    assert [one.metadata.id for one in found.operations] == ["o"]


def test_objects_of_several_sites_are_read_at_once_in_the_order_of_their_ids() -> None:
    has = {NORTH: {"a", "c"}, SOUTH: {"b"}}

    def do(address: str, method: Method, request: Any) -> control_pb2.BatchGetHostsResponse:
        if not set(request.ids) <= has[address]:
            raise error("NOT_FOUND")
        rows = [control_pb2.Host(metadata=metadata(one)) for one in request.ids]
        return control_pb2.BatchGetHostsResponse(hosts=rows)

    world = World(*TWO, do=do)
    caller = world.caller()
    method, answer = methods.CONTROL_BATCH_GET_HOSTS, control_pb2.BatchGetHostsResponse
    request = control_pb2.BatchGetHostsRequest(ids=["c", "b", "a"])
    for calls in (4, 2):
        world.calls.clear()
        found = caller.unary(method, request, answer, None)
        assert [one.metadata.id for one in found.hosts] == ["c", "b", "a"]
        assert len(world.calls) == calls, "where they are is remembered"
    request.ids.append("nowhere")
    assert refused(lambda: caller.unary(method, request, answer, None)).code == "NOT_FOUND"


def test_tags_of_a_project_are_changed_at_all_sites_and_those_of_several_at_none() -> None:
    world = World(*TWO)
    caller = world.caller("meta")
    for name, where in (("p", "*"), ("a", "north"), ("b", "south")):
        world.whereabouts.note_id(name, where)

    def tag(*ids: str) -> None:
        request = meta_pb2.UpdateTagsRequest(object_ids=ids)
        caller.unary(methods.META_UPDATE_TAGS, request, meta_pb2.UpdateTagsResponse, None)

    tag("p")
    assert world.addresses == [NORTH, SOUTH]
    assert len({request.request_id for _, _, request in world.calls}) == 1
    assert refused(lambda: tag("a", "b")).code == "SEVERAL_SITES"
    tag("b")
    assert world.addresses == [NORTH, SOUTH, SOUTH]


class StreamError(grpc.RpcError):
    """A stream ends so."""

    def __init__(self, status: str) -> None:
        super().__init__()
        self.status = status


class Told:
    """A stream that fails at one address, and tells one change at others."""

    def __init__(self, address: str, status: str) -> None:
        self._address, self._status = address, status

    def __iter__(self) -> Iterator[common_pb2.Event]:
        if self._address == NORTH:
            raise StreamError(self._status)
        yield common_pb2.Event(revision=1)

    def cancel(self) -> None:
        """End it."""


def test_a_stream_begins_at_an_address_that_answers() -> None:
    world = World(site("north", NORTH, OTHER), TWO[1])
    world.do = lambda address, *_: Told(address, "UNAVAILABLE")
    caller = world.caller()

    def watch(**fields: Any) -> list[Any]:
        request = common_pb2.WatchRequest(**fields)
        return list(caller.stream(methods.CONTROL_WATCH, request, common_pb2.Event, None))

    world.whereabouts.note_id("x", "north")
    assert [one.revision for one in watch(object_id="x")] == [1]
    assert [one.revision for one in watch(object_id="x")] == [1]
    assert world.addresses == [NORTH, OTHER, OTHER]
    assert refused(lambda: watch(project="p")).code == "WHICH_SITE"
    assert refused(lambda: watch(object_id="nowhere")).code == "WHICH_SITE"
    world.whereabouts.note_id("y", "south")
    world.do = lambda *_: Told(NORTH, "INTERNAL")
    assert refused(lambda: watch(object_id="y")).message == f"{SOUTH} failed"


@pytest.mark.parametrize("status", ["REGION_ELSEWHERE", "NO_CAPACITY"])
def test_a_stream_goes_on_at_the_site_that_may_have_it(status: str) -> None:
    world = World(site("north", NORTH, regions=("north", "south")), site("west", OTHER))
    world.do = lambda address, *_: Told(address, status)
    world.tree = {"south": {"north", "west"}}
    caller = world.caller("resource")
    spec = resource_pb2.ClaimSpec(region="south", or_below=status == "NO_CAPACITY")
    request = resource_pb2.ProposeCandidatesRequest(spec=spec)
    method, answer = methods.RESOURCE_PROPOSE_CANDIDATES, resource_pb2.Candidate
    stream = caller.stream(method, request, answer, None)
    world.told = (*TWO, site("west", OTHER))
    world.now += 1
    assert len(list(stream)) == 1
    assert world.addresses == [NORTH, SOUTH if status == "REGION_ELSEWHERE" else OTHER]


def test_a_stream_goes_on_at_another_address_of_the_next_site() -> None:
    world = World(TWO[0], site("west", SOUTH, OTHER))
    fails = {NORTH: "NO_CAPACITY", SOUTH: "UNAVAILABLE"}
    world.do = lambda address, *_: Told(
        NORTH if address in fails else OTHER, fails.get(address, "")
    )
    world.tree = {"north": {"west"}}
    spec = resource_pb2.ClaimSpec(region="north", or_below=True)
    request = resource_pb2.ProposeCandidatesRequest(spec=spec)
    method, answer = methods.RESOURCE_PROPOSE_CANDIDATES, resource_pb2.Candidate
    assert len(list(world.caller("resource").stream(method, request, answer, None))) == 1
    assert world.addresses == [NORTH, SOUTH, OTHER]


def test_what_is_put_together_has_the_shape_for_it() -> None:
    of_many = set[str]()
    for method in vars(methods).values():
        if isinstance(method, Method) and method.service == "meta":
            request = getattr(meta_pb2, f"{method.name}Request", common_pb2.WatchRequest)()
            if is_of_many(method, request):
                of_many.add(method.name)
                assert {"names", "ids", "object_ids"} & {*request.DESCRIPTOR.fields_by_name}
    assert {"ResolveNames", "ListTags"} < of_many
    answers = [
        (method.name, method.input_type.fields_by_name, method.output_type.fields)
        for module in (control_pb2, resource_pb2, meta_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]
    for name, asked, told in answers:
        rows = [one for one in told if one.is_repeated and one.message_type]
        if name.startswith("BatchGet"):
            assert "ids" in asked
            assert rows == list(told)
        if "order_by" in asked:
            assert len(rows) == 1, name
        if name in of_many:
            assert rows == list(told), name
        if name.startswith("BatchGet") or "order_by" in asked:
            shown = {*rows[0].message_type.fields_by_name}
            is_word = "order_by" in asked and {"name", "created_at"} <= shown
            assert "metadata" in shown or is_word, name
