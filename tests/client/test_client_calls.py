"""What the client does for every call: token, deadline, request id, retry, words for errors."""

import threading
from collections.abc import Iterator

import grpc
import pytest

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.site_watch import WATCH_ATTEMPTS
from mulligan_client.transport import Target
from tests.client.fake_mulligan import (
    MACHINE,
    OPERATION,
    REGION,
    SERVER,
    FakeMulligan,
    RefusalError,
    a_server,
    a_step,
    an_event,
    an_operation,
)

AWAY = RefusalError("UNAVAILABLE", "UNAVAILABLE", "the database is away")


def test_a_call_carries_the_token_and_a_deadline(fake: FakeMulligan, client: Client) -> None:
    fake.on("GetServer", a_server())
    client.control.GetServer(control_pb2.GetServerRequest(id=SERVER))
    assert fake.calls[-1].metadata["authorization"] == "Bearer the-token"


def test_a_call_that_is_not_answered_ends_at_its_deadline(fake: FakeMulligan) -> None:
    released = threading.Event()

    def late(_: object) -> control_pb2.Server:
        released.wait()
        return a_server()

    fake.on("GetServer", late)
    with (
        Client(fake.address, timeout_s=0.2) as client,
        pytest.raises(MulliganCallError) as raised,
    ):
        client.control.GetServer(control_pb2.GetServerRequest(id=SERVER))
    released.set()
    assert raised.value.code == "DEADLINE_EXCEEDED"
    assert "GetServer in time" in raised.value.message


def test_a_mutation_without_request_id_gets_one_and_keeps_it_when_repeated(
    fake: FakeMulligan, client: Client, pauses: list[float]
) -> None:
    fake.on("VerifyServer", AWAY, AWAY, an_operation("running"))
    request = control_pb2.VerifyServerRequest(id=SERVER)
    client.control.VerifyServer(request)
    ids = {asked.request_id for asked in fake.asked("VerifyServer")}
    assert len(fake.asked("VerifyServer")) == 3
    assert [len(one) for one in ids] == [36]
    assert request.request_id == ""
    assert len(pauses) == 2
    assert pauses[0] < pauses[1]


def test_a_request_id_of_the_caller_stands(fake: FakeMulligan, client: Client) -> None:
    fake.on("VerifyServer", an_operation("running"))
    client.control.VerifyServer(control_pb2.VerifyServerRequest(id=SERVER, request_id="mine"))
    assert fake.asked("VerifyServer")[0].request_id == "mine"


def test_retries_are_bounded(fake: FakeMulligan, client: Client, pauses: list[float]) -> None:
    fake.on("GetServer", AWAY)
    with pytest.raises(MulliganCallError) as raised:
        client.control.GetServer(control_pb2.GetServerRequest(id=SERVER))
    assert raised.value.retryable
    assert len(fake.asked("GetServer")) == 4
    assert len(pauses) == 3


def test_a_call_without_request_id_that_changes_something_is_not_repeated(
    fake: FakeMulligan, client: Client
) -> None:
    fake.on("Bootstrap", AWAY)
    with pytest.raises(MulliganCallError):
        client.iam.Bootstrap(iam_pb2.BootstrapRequest(token="x"))
    assert len(fake.asked("Bootstrap")) == 1


def test_what_the_server_asks_to_wait_is_waited(
    fake: FakeMulligan, client: Client, pauses: list[float]
) -> None:
    busy = RefusalError("UNAVAILABLE", "BMC_UNREACHABLE", "it reboots", retry_after_s=3)
    fake.on("VerifyServer", busy, an_operation("running"))
    client.control.VerifyServer(control_pb2.VerifyServerRequest(id=SERVER))
    assert pauses == [3]


def test_who_called_too_often_waits_as_long_as_it_is_told(
    fake: FakeMulligan, client: Client, pauses: list[float]
) -> None:
    limited = RefusalError("RESOURCE_EXHAUSTED", "RATE_LIMITED", "too often", retry_after_s=7)
    fake.on("GetServer", limited, a_server())
    client.control.GetServer(control_pb2.GetServerRequest(id=SERVER))
    assert pauses == [7]
    fake.on("GetServer", RefusalError("RESOURCE_EXHAUSTED", "RATE_LIMITED", "", retry_after_s=99))
    with pytest.raises(MulliganCallError):
        client.control.GetServer(control_pb2.GetServerRequest(id=SERVER))
    assert pauses == [7], "longer than the call may take"
    fake.on("GetServer", RefusalError("RESOURCE_EXHAUSTED", "NO_CAPACITY", "", retry_after_s=1))
    with pytest.raises(MulliganCallError):
        client.control.GetServer(control_pb2.GetServerRequest(id=SERVER))
    assert pauses == [7], "what does not fit fits no better later"


def test_details_of_an_error_become_its_fields(fake: FakeMulligan, client: Client) -> None:
    fake.on(
        "CreateServer",
        RefusalError(
            "INVALID_ARGUMENT",
            "ADDRESS_NOT_CANONICAL",
            "spec.address is not canonical; write https://10.0.0.1",
            metadata={"hint": "https://10.0.0.1"},
            violations={"spec.address": "not canonical"},
            resource=("server", SERVER),
            request_id="r-1",
        ),
    )
    with pytest.raises(MulliganCallError) as raised:
        client.control.CreateServer(control_pb2.CreateServerRequest(id=SERVER))
    error = raised.value
    assert (error.code, error.grpc_status) == ("ADDRESS_NOT_CANONICAL", "INVALID_ARGUMENT")
    assert (error.field, error.object_type, error.object_id) == ("spec.address", "server", SERVER)
    assert (error.request_id, error.retryable) == ("r-1", False)
    assert error.details["hint"] == "https://10.0.0.1"
    assert len(fake.asked("CreateServer")) == 1
    assert str(error) == "spec.address is not canonical; write https://10.0.0.1"


def test_metadata_names_field_and_object_where_nothing_else_does(
    fake: FakeMulligan, client: Client
) -> None:
    about = {"field": "name", "object_type": "server", "object_id": "rack1-07"}
    fake.on("CreateServer", RefusalError("ALREADY_EXISTS", "NAME_TAKEN", "taken", metadata=about))
    with pytest.raises(MulliganCallError) as raised:
        client.control.CreateServer(control_pb2.CreateServerRequest(id=SERVER))
    error = raised.value
    assert (error.field, error.object_type, error.object_id) == ("name", "server", "rack1-07")
    assert error.request_id == fake.asked("CreateServer")[0].request_id


def test_a_server_that_is_not_there_is_named(pauses: list[float]) -> None:
    with (
        Client("127.0.0.1:1", pause=pauses.append) as client,
        pytest.raises(MulliganCallError) as raised,
    ):
        client.iam.ListRegions(iam_pb2.ListRegionsRequest())
    assert raised.value.code == "UNAVAILABLE"
    assert raised.value.message.startswith("127.0.0.1:1 does not answer")
    assert len(pauses) == 3


def test_a_server_without_tls_where_tls_was_asked_for_is_told_apart(
    fake: FakeMulligan, pauses: list[float]
) -> None:
    with (
        Client(f"https://{fake.address}", pause=pauses.append) as client,
        pytest.raises(MulliganCallError) as raised,
    ):
        client.iam.ListRegions(iam_pb2.ListRegionsRequest())
    assert "can't agree on TLS" in raised.value.message
    assert "grpc://" in raised.value.message


def test_each_service_can_have_an_address_of_its_own(fake: FakeMulligan) -> None:
    fake.on("GetServer", a_server())
    with Client("127.0.0.1:1", addresses={"control": fake.address}) as client:
        found = client.control.GetServer(control_pb2.GetServerRequest(id=SERVER))
    assert found.metadata.name == "rack1-07"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("127.0.0.1:7000", Target("127.0.0.1", 7000, False)),
        ("localhost:7000", Target("localhost", 7000, False)),
        ("[::1]:7000", Target("::1", 7000, False)),
        ("10.0.0.5:7000", Target("10.0.0.5", 7000, True)),
        ("grpc://10.0.0.5:7000", Target("10.0.0.5", 7000, False)),
        ("https://mulligan.example", Target("mulligan.example", 443, True)),
        ("grpcs://127.0.0.1:7000", Target("127.0.0.1", 7000, True)),
    ],
)
def test_a_token_goes_out_in_the_clear_only_to_the_machine_itself_or_where_told(
    address: str, target: Target
) -> None:
    assert Target.parse(address) == target


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1", "ftp://h:1", "http://ann:secret@h:1", "h:99999", "h:1/path", "http://:5"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|host|port|scheme") as raised:
        Target.parse(address)
    assert "secret" not in str(raised.value)


def test_names_are_resolved_and_uuids_pass_through(fake: FakeMulligan, client: Client) -> None:
    found = client.resolve_all("server", ["rack1-07", MACHINE.upper()])
    assert found == {"rack1-07": SERVER, MACHINE.upper(): MACHINE}
    assert list(fake.asked("ResolveNames")[0].names) == ["rack1-07"]
    assert client.resolve("server", SERVER) == SERVER
    assert len(fake.asked("ResolveNames")) == 1


def test_a_name_that_leads_nowhere_is_told(client: Client) -> None:
    with pytest.raises(MulliganCallError) as raised:
        client.resolve("server", "rack9")
    assert raised.value.code == "NOT_FOUND"
    assert raised.value.message == "no server is called 'rack9'"


def test_a_name_of_two_objects_is_refused(fake: FakeMulligan, client: Client) -> None:
    two = [meta_pb2.NamedObject(asked="lan", id=one) for one in (SERVER, MACHINE)]
    fake.on("ResolveNames", meta_pb2.ResolveNamesResponse(objects=two))
    with pytest.raises(MulliganCallError) as raised:
        client.resolve("network", "lan")
    assert raised.value.code == "AMBIGUOUS_NAME"


def test_all_pages_of_a_list_become_one_with_the_first_revision(
    fake: FakeMulligan, client: Client
) -> None:
    fake.on(
        "ListServers",
        control_pb2.ListServersResponse(servers=[a_server()], next_page_token="2", revision=7),
        control_pb2.ListServersResponse(servers=[a_server()], revision=9),
    )
    answer = client.list_all(client.control.ListServers, control_pb2.ListServersRequest())
    assert (len(answer.servers), answer.revision, answer.next_page_token) == (2, 7, "")
    assert [asked.page.token for asked in fake.asked("ListServers")] == ["", "2"]


def test_a_region_without_key_says_what_is_missing(fake: FakeMulligan, client: Client) -> None:
    fake.on("ListRegionKeys", control_pb2.ListRegionKeysResponse())
    with pytest.raises(MulliganCallError) as raised:
        client.seal(REGION, password="x")
    assert raised.value.code == "NO_REGION_KEY"


@pytest.mark.parametrize(
    "end", [[], [AWAY], [grpc.StatusCode.INTERNAL]], ids=["ended", "away", "reset"]
)
def test_a_watch_goes_on_after_the_last_revision_when_the_stream_breaks(
    fake: FakeMulligan, client: Client, end: list[object]
) -> None:
    fake.on(
        "Watch",
        [an_event(5), an_event(6), *end],
        [*end],
        [an_event(6), an_event(7)],
    )
    events = client.watch(after_revision=4)
    assert [event.revision for event in (next(events), next(events), next(events))] == [5, 6, 7]
    assert [asked.after_revision for asked in fake.asked("Watch")] == [4, 6, 6]
    events.close()


def test_a_watch_gives_up_when_nobody_answers(
    fake: FakeMulligan, client: Client, pauses: list[float]
) -> None:
    fake.on("Watch", [AWAY])
    with pytest.raises(MulliganCallError) as raised:
        next(client.watch(after_revision=4))
    assert raised.value.message == "the database is away"
    assert len(fake.asked("Watch")) == WATCH_ATTEMPTS
    assert sum(pauses) > 30


def test_a_watch_that_was_asked_for_too_often_waits_as_long_as_it_is_told(
    fake: FakeMulligan, client: Client, pauses: list[float]
) -> None:
    limited = RefusalError("RESOURCE_EXHAUSTED", "RATE_LIMITED", "too often", retry_after_s=70)
    fake.on("Watch", [limited], [an_event(5)])
    assert next(client.watch(after_revision=4)).revision == 5
    assert pauses == [70]


def test_a_refused_watch_is_not_repeated(fake: FakeMulligan, client: Client) -> None:
    fake.on("Watch", [RefusalError("PERMISSION_DENIED", "PERMISSION_DENIED", "not yours")])
    with pytest.raises(MulliganCallError):
        next(client.watch(after_revision=4))
    assert len(fake.asked("Watch")) == 1


def test_waiting_reads_the_operation_again_with_each_event_until_it_ends(
    fake: FakeMulligan, client: Client
) -> None:
    fake.on("ListMachines", control_pb2.ListMachinesResponse(revision=40))
    fake.on("Watch", [an_event(41), AWAY], [an_event(42)])
    boot = a_step("boot", "done")
    fake.on(
        "GetOperation",
        an_operation("running"),
        an_operation("running", a_step("boot", "running")),
        an_operation("running", boot),
        an_operation("done", boot),
    )
    seen: list[tuple[str, int]] = []
    found = client.wait_for_operation(
        OPERATION, lambda one: seen.append((one.status.state, len(one.steps)))
    )
    assert found.status.state == "done"
    assert seen == [("running", 1), ("running", 1), ("done", 1)]
    assert [asked.after_revision for asked in fake.asked("Watch")] == [40, 41]
    assert all(asked.operation == OPERATION for asked in fake.asked("Watch"))


def test_candidates_are_proposed_again_while_nobody_answers(
    fake: FakeMulligan, client: Client
) -> None:
    fake.on("ProposeCandidates", [AWAY], [resource_pb2.Candidate()])
    assert len(client.propose(resource_pb2.ProposeCandidatesRequest())) == 1
    fake.on("ProposeCandidates", [AWAY])
    before = len(fake.asked("ProposeCandidates"))
    with pytest.raises(MulliganCallError, match="the database is away"):
        client.propose(resource_pb2.ProposeCandidatesRequest())
    assert len(fake.asked("ProposeCandidates")) == before + 4


def test_candidates_that_do_not_come_are_not_waited_for(fake: FakeMulligan) -> None:
    over = threading.Event()

    def nothing() -> Iterator[resource_pb2.Candidate]:
        assert over.wait(20)
        yield resource_pb2.Candidate()

    fake.on("ProposeCandidates", nothing())
    with Client(fake.address, token="t", timeout_s=0.5) as client:
        with pytest.raises(MulliganCallError) as raised:
            client.propose(resource_pb2.ProposeCandidatesRequest())
        over.set()
    assert raised.value.code == "DEADLINE_EXCEEDED"
