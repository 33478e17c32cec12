"""What is generated: names in requests, lists to their end, what an older service can't do."""

import grpc
import pytest

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.methods import Method, Newer, Retry
from mulligan_client.transport import Caller
from tests.client.fake_mulligan import (
    GROUP,
    HOST,
    IMAGE,
    MACHINE,
    NETWORK,
    PROJECT,
    REGION,
    SERVER,
    FakeMulligan,
    RefusalError,
    a_server,
    an_operation,
)

SOUTH = "12121212-1212-4121-8121-121212121212"
AWAY = RefusalError("UNAVAILABLE", "UNAVAILABLE", "the database is away")


def test_a_request_takes_names_where_it_takes_ids(fake: FakeMulligan, client: Client) -> None:
    fake.on("ProvisionMachine", an_operation("running"))
    spec = control_pb2.MachineSpec(
        image="debian-13",
        provider="hyper-1",
        nics=[control_pb2.NicRequest(network="lan"), control_pb2.NicRequest(network=NETWORK)],
    )
    request = control_pb2.ProvisionMachineRequest(
        project="default", region="home", name="web-1", spec=spec
    )
    client.control.ProvisionMachine(request)

    (sent,) = fake.asked("ProvisionMachine")
    assert (sent.project, sent.region, sent.name) == (PROJECT, REGION, "web-1")
    assert (sent.spec.image, sent.spec.provider) == (IMAGE, HOST)
    assert [nic.network for nic in sent.spec.nics] == [NETWORK, NETWORK]
    assert request.spec.image == "debian-13"
    everywhere, here = ("project", "region"), ("image", "network", "provider", "server", "host")
    looked_for = {one.object_type: one.region for one in fake.asked("ResolveNames")}
    assert looked_for == dict.fromkeys(everywhere, "") | dict.fromkeys(here, REGION)


def test_a_name_is_looked_for_in_the_region_that_is_said_nearest_to_it(
    fake: FakeMulligan, client: Client
) -> None:
    fake.names["region", "south"] = SOUTH
    fake.on("ChangeClaims", resource_pb2.ChangeClaimsResponse())
    specs = [
        resource_pb2.ClaimSpec(region=one, provider="hyper-1") for one in ("home", "south", "")
    ]
    moves = [resource_pb2.ClaimMove(spec=one) for one in specs]
    changes = [resource_pb2.ClaimChange(id=MACHINE, move=one) for one in moves]
    client.resource.ChangeClaims(resource_pb2.ChangeClaimsRequest(project=PROJECT, changes=changes))
    looked = [one.region for one in fake.asked("ResolveNames") if one.object_type == "host"]
    assert looked == [REGION, SOUTH, ""]
    (sent,) = fake.asked("ChangeClaims")
    assert [one.move.spec.region for one in sent.changes] == [REGION, SOUTH, ""]
    assert {one.move.spec.provider for one in sent.changes} == {HOST}


def test_names_are_taken_in_demands_and_where_an_id_may_be_empty(
    fake: FakeMulligan, client: Client
) -> None:
    fake.on("CreateClaim", resource_pb2.Claim())
    fake.on("UpdateProviders", resource_pb2.UpdateProvidersResponse())
    demand = resource_pb2.NameDemand(
        require=["team"], any=[resource_pb2.Alternatives(names=["team", GROUP])]
    )
    spec = resource_pb2.ClaimSpec(groups=[resource_pb2.RequestGroup(groups=demand)])
    client.resource.CreateClaim(resource_pb2.CreateClaimRequest(project=PROJECT, spec=spec))
    changes = [resource_pb2.ProviderChange(id=HOST, under=under) for under in ("rack1-07", "")]
    client.resource.UpdateProviders(resource_pb2.UpdateProvidersRequest(changes=changes))

    sent = fake.asked("CreateClaim")[0].spec.groups[0].groups
    assert (list(sent.require), list(sent.any[0].names)) == ([GROUP], [GROUP] * 2)
    changed = fake.asked("UpdateProviders")[0].changes
    assert [(one.HasField("under"), one.under) for one in changed] == [(True, SERVER), (True, "")]


def test_a_machine_is_looked_for_in_the_project_of_the_request(
    fake: FakeMulligan, client: Client
) -> None:
    fake.on("GetMachine", control_pb2.Machine())
    client.control.GetMachine(control_pb2.GetMachineRequest(id="web-1", project="default"))
    assert fake.asked("GetMachine")[0].id == MACHINE
    assert [one.project for one in fake.asked("ResolveNames")] == ["", PROJECT]


def test_ids_are_not_looked_for(fake: FakeMulligan, client: Client) -> None:
    fake.on("GetServer", a_server())
    client.control.GetServer(control_pb2.GetServerRequest(id=SERVER))
    assert fake.asked("ResolveNames") == []


def test_a_name_that_leads_nowhere_is_not_sent(fake: FakeMulligan, client: Client) -> None:
    request = resource_pb2.DeleteProvidersRequest(ids=[SERVER, "rack1-07", "nothing"])
    with pytest.raises(MulliganCallError) as raised:
        client.resource.DeleteProviders(request)
    assert (raised.value.code, raised.value.object_id) == ("NOT_FOUND", "nothing")
    assert fake.asked("DeleteProviders") == []


def test_a_name_of_two_kinds_of_objects_is_refused(fake: FakeMulligan, client: Client) -> None:
    fake.names["group", "rack1-07"] = REGION
    distance = resource_pb2.Distance(a="rack1-07", b=HOST)
    with pytest.raises(MulliganCallError) as raised:
        client.resource.SetDistances(resource_pb2.SetDistancesRequest(set=[distance]))
    assert raised.value.code == "AMBIGUOUS_NAME"


def test_a_list_is_read_page_by_page_as_it_is_used(fake: FakeMulligan, client: Client) -> None:
    fake.on(
        "ListServers",
        control_pb2.ListServersResponse(servers=[a_server()] * 2, next_page_token="more"),
        control_pb2.ListServersResponse(servers=[a_server()]),
    )
    request = control_pb2.ListServersRequest(page=common_pb2.Page(size=2))
    servers = client.control.AllServers(request)
    assert next(servers).metadata.id == SERVER
    assert [one.page.token for one in fake.asked("ListServers")] == [""]
    assert len(list(servers)) == 2
    assert [one.page.token for one in fake.asked("ListServers")] == ["", "more"]
    assert request.page.token == ""


def test_what_may_have_been_done_is_not_done_again(fake: FakeMulligan, client: Client) -> None:
    fake.on("GetServer", AWAY, a_server())
    once = Method("/mulligan.control.v1.ControlService/GetServer", Retry.NEVER)
    with pytest.raises(MulliganCallError, match="the database is away"):
        caller(fake, client).unary(once, a_request(), control_pb2.Server, None)
    assert len(fake.asked("GetServer")) == 1


NEWER = Method(
    "/mulligan.control.v1.ControlService/GetServer",
    Retry.READ,
    newer=(
        Newer(("spec", "image"), "0.2.0"),
        Newer(("spec", "placement"), "0.10.0", common_pb2.PLACEMENT_NEAREST),
    ),
)
"""A method of which a service of 0.1.0 does not know all."""


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        (
            control_pb2.MachineSpec(image=IMAGE),
            "GetServer with spec.image needs control ≥ 0.2.0",
        ),
        (
            control_pb2.MachineSpec(image=IMAGE, placement=common_pb2.PLACEMENT_NEAREST),
            "GetServer with spec.placement needs control ≥ 0.10.0",
        ),
    ],
)
def test_what_an_older_service_does_not_know_is_not_sent_to_it(
    fake: FakeMulligan, client: Client, spec: control_pb2.MachineSpec, needed: str
) -> None:
    fake.on("GetServer", a_server())
    request = control_pb2.ProvisionMachineRequest(spec=spec)
    with pytest.raises(MulliganCallError) as raised:
        caller(fake, client).unary(NEWER, request, control_pb2.Server, None)
    assert raised.value.code == "NEEDS_NEWER_SERVICE"
    assert raised.value.message.startswith(f"{needed} (the one at here is 0.1.0)")
    assert fake.asked("GetServer") == []


def test_a_field_counts_that_is_to_be_taken_away(fake: FakeMulligan, client: Client) -> None:
    fake.on("GetServer", a_server())
    request = control_pb2.UpdateServerRequest()
    request.update_mask.paths.append("spec.image_name")
    caller(fake, client).unary(NEWER, request, control_pb2.Server, None)
    request.update_mask.paths.append("spec.image")
    with pytest.raises(MulliganCallError, match=r"spec\.image needs control"):
        caller(fake, client).unary(NEWER, request, control_pb2.Server, None)


def test_a_service_that_was_updated_meanwhile_is_asked(fake: FakeMulligan, client: Client) -> None:
    fake.on("GetServer", a_server())
    spec = control_pb2.MachineSpec(image=IMAGE, placement=common_pb2.PLACEMENT_SPREAD)
    request = control_pb2.ProvisionMachineRequest(spec=spec)
    asking = caller(fake, client)
    with pytest.raises(MulliganCallError, match="needs control"):
        asking.unary(NEWER, request, control_pb2.Server, None)
    fake.version = "0.2"
    asking.unary(NEWER, request, control_pb2.Server, None)
    assert len(fake.asked("GetServer")) == 1


def test_a_refusal_tells_the_version_and_what_is_not_known_is_asked_for_again(
    fake: FakeMulligan, client: Client
) -> None:
    gone = RefusalError("NOT_FOUND", "NOT_FOUND", "it is gone", version="0.2.0")
    unknown = RefusalError("INVALID_ARGUMENT", "UNKNOWN_FIELD", "not known to 0.1.0")
    fake.on("GetServer", gone, unknown)
    asking, spec = caller(fake, client), control_pb2.MachineSpec(image=IMAGE)
    request = control_pb2.ProvisionMachineRequest(spec=spec)
    for sent, refused in ((type(request)(), "gone"), (request, "not known"), (request, "needs")):
        with pytest.raises(MulliganCallError, match=refused):
            asking.unary(NEWER, sent, control_pb2.Server, None)
    assert len(fake.asked("GetServer")) == 2


def caller(fake: FakeMulligan, client: Client) -> Caller:
    """One who calls methods that no service has."""
    channel = grpc.insecure_channel(fake.address)
    return Caller("here", channel, tokens=client, timeout_s=30, attempts=3, pause=lambda _: None)


def a_request() -> control_pb2.GetServerRequest:
    """What is asked in vain."""
    return control_pb2.GetServerRequest(id=SERVER)
