"""Who may call what, and which requests are understood: what the one interceptor does."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc

from api.access import methods_of
from api.interceptor import MOST_ANONYMOUS_BYTES
from api.server import SERVICES
from api.wellformed import VERSION
from deploy.docs import ACCESS, access_page
from mulligan.database import Database
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2, iam_pb2_grpc
from tests.fakes.belongings import access_of
from tests.fakes.caller import METHODS, Caller, refused, request_of
from tests.fakes.place import Place, new_name
from tests.fakes.site import Site

ALL = [pytest.param(method, id=name) for name, method in METHODS.items()]


NEEDS_TOKEN = [
    pytest.param(method, id=name)
    for name, method in METHODS.items()
    if access_of(method).role != common_pb2.ROLE_ANONYMOUS
]
MUTATIONS = [
    pytest.param(method, id=name)
    for name, method in METHODS.items()
    if "request_id" in method.input_type.fields_by_name
]


def ask(caller: Caller, method: MethodDescriptor, **fields: Any) -> Any:
    """Call; of a stream the first message."""
    answer = caller.send(method, request_of(method, **fields))
    return next(answer) if method.server_streaming else answer


def project_of(method: MethodDescriptor, project: str) -> dict[str, str]:
    return {"project": project} if "project" in method.input_type.fields_by_name else {}


# The option


@pytest.mark.parametrize("method", ALL)
def test_every_rpc_says_which_role_it_needs_and_where(method: MethodDescriptor) -> None:
    access = access_of(method)
    assert access.role
    assert access.scope


@pytest.mark.parametrize("method", ALL)
def test_every_mutation_has_a_request_id(method: MethodDescriptor) -> None:
    reads = (
        *("Get", "BatchGet", "List", "Watch", "Propose", "Find", "Resolve", "Describe"),
        *("Login", "Bootstrap"),
    )
    assert ("request_id" in method.input_type.fields_by_name) != method.name.startswith(reads)


def test_an_rpc_without_the_option_stops_the_server_from_starting() -> None:
    file = descriptor_pb2.FileDescriptorProto(name=f"{uuid4()}.proto", package="bare")
    file.message_type.add(name="Nothing")
    service = file.service.add(name="Bare")
    service.method.add(name="Do", input_type=".bare.Nothing", output_type=".bare.Nothing")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    bare = pool.FindServiceByName("bare.Bare")
    with pytest.raises(LookupError, match=r"bare\.Bare\.Do"):
        methods_of(bare, Database("sqlite://"))


def test_the_table_in_docs_is_the_one_in_the_protos() -> None:
    assert ACCESS.read_text() == access_page(), "run `python -m deploy.docs`"


def test_whoever_has_a_token_is_told_what_else_is_asked() -> None:
    open_to_all = {
        "ListProviderTypes", "ListResourceTypes", "ListCapabilities", "ListDistanceTypes",
    }  # fmt: skip
    unsaid = {
        name
        for name, method in METHODS.items()
        if access_of(method).role == common_pb2.ROLE_AUTHENTICATED and not access_of(method).besides
    }
    assert unsaid == open_to_all


def test_the_services_can_be_read() -> None:
    for service in SERVICES.values():
        assert len(methods_of(service, Database("sqlite://"))) == len(service.methods)


# Tokens


@pytest.mark.parametrize("method", NEEDS_TOKEN)
def test_without_a_token_nothing_is_answered(sqlite_site: Site, method: MethodDescriptor) -> None:
    with refused("UNAUTHENTICATED", "UNAUTHENTICATED") as refusal:
        ask(sqlite_site.caller(), method)
    assert "mulligan login" in refusal.message


def test_an_expired_token_is_refused_as_such(site: Site) -> None:
    account = site.admin.CreateAccount(name=new_name("account"), password="long enough")
    token = site.token(account.metadata.id, -timedelta(seconds=1))
    with refused("UNAUTHENTICATED", "TOKEN_EXPIRED"):
        site.caller(token).ListRegions()


def test_a_token_of_another_key_is_refused(site: Site) -> None:
    header = jwt.get_unverified_header(site.admin.token)
    claims = jwt.decode(site.admin.token, options={"verify_signature": False})
    for kid in (header["kid"], "another"):
        forged = jwt.encode(
            claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": kid}
        )
        with refused("UNAUTHENTICATED", "UNAUTHENTICATED"):
            site.caller(forged).ListRegions()


def test_a_token_that_is_none_is_refused(site: Site) -> None:
    with refused("UNAUTHENTICATED"):
        site.caller("abc").ListRegions()


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_of_an_algorithm_without_private_key_is_refused(site: Site, algorithm: str) -> None:
    good = jwt.get_unverified_header(site.admin.token)["kid"]
    header, claims, _ = site.admin.token.split(".")
    [key] = [one for one in site.admin.ListTokenKeys().keys if one.key_id == good]
    header = urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": good}).encode()).decode()
    told = f"{header.rstrip('=')}.{claims}"
    signed = hmac.digest(key.public_key.encode(), told.encode(), "sha256")
    signature = "" if algorithm == "none" else urlsafe_b64encode(signed).decode().rstrip("=")
    with refused("UNAUTHENTICATED") as refusal:
        site.caller(f"{told}.{signature}").ListRegions()
    assert "alg value is not allowed" in refusal.message


# Roles


def test_a_project_has_to_be_named(sqlite_place: Place) -> None:
    with refused("INVALID_ARGUMENT", about="project"):
        sqlite_place.member.ListMachines()


def test_a_reader_of_the_system_reads_every_project_and_changes_none(place: Place) -> None:
    reader = place.site.account(common_pb2.ROLE_READER)
    assert list(reader.ListMachines(project=place.project).machines) == []
    with refused("PERMISSION_DENIED"):
        reader.ProvisionMachine(project=place.project)


# Requests


@pytest.mark.parametrize("method", MUTATIONS)
def test_a_mutation_without_request_id_is_refused(
    sqlite_site: Site, method: MethodDescriptor
) -> None:
    named = project_of(method, str(uuid4()))
    for request_id in ("", "x" * 65):
        with refused("INVALID_ARGUMENT", about="request_id"):
            ask(sqlite_site.admin, method, request_id=request_id, **named)


def test_a_refusal_tells_the_request_id(site: Site) -> None:
    with refused("INVALID_ARGUMENT") as refusal:
        site.admin.CreateRegion(name="", request_id="my-request")
    assert refusal.request_id == "my-request"


def a_field_from_tomorrow() -> bytes:
    """Field 999, a varint."""
    return bytes([0b1011_1000, 0b0011_1110, 1])


@pytest.mark.parametrize("method", [METHODS[n] for n in ("ListRegions", "CreateImage", "Watch")])
def test_a_field_that_the_server_does_not_know_is_refused_by_number(
    site: Site, method: MethodDescriptor
) -> None:
    request = request_of(method)
    request.MergeFromString(a_field_from_tomorrow())
    with refused("INVALID_ARGUMENT", "UNKNOWN_FIELD", about="999") as refusal:
        answer = site.admin.send(method, request)
        if method.server_streaming:
            next(answer)
    assert method.input_type.full_name in refusal.message
    assert "999" in refusal.message


def test_an_unknown_field_deep_inside_is_refused_too(site: Site) -> None:
    nic = control_pb2.NicRequest()
    nic.MergeFromString(a_field_from_tomorrow())
    request = request_of(
        METHODS["ProvisionMachine"], project=str(uuid4()), spec=control_pb2.MachineSpec(nics=[nic])
    )
    with refused("INVALID_ARGUMENT", "UNKNOWN_FIELD") as refusal:
        site.admin.send("ProvisionMachine", request)
    assert "mulligan.control.v1.NicRequest" in refusal.message


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(b"\xff", id="no tag"),
        pytest.param(b"\n\x7fa", id="cut off"),
        pytest.param(b"\n\x02\xc3\x28", id="not UTF-8"),
    ],
)
@pytest.mark.parametrize("name", ["CreateProject", "ProposeCandidates"])
def test_bytes_that_are_no_message_are_refused_in_our_words(
    sqlite_site: Site, name: str, encoded: bytes
) -> None:
    with refused("INVALID_ARGUMENT", "MALFORMED_MESSAGE") as refusal:
        answer = sqlite_site.admin.send(METHODS[name], encoded)
        list(answer)
    assert f"{name}Request" in refusal.message


def test_who_has_no_token_sends_little(sqlite_site: Site) -> None:
    # Of who has no token a long message is not even decoded, and a short one is.
    for size, code in ((MOST_ANONYMOUS_BYTES + 1, "UNAUTHENTICATED"), (100, "INVALID_ARGUMENT")):
        with refused(code):
            sqlite_site.caller().send("CreateProject", b"\xff" * size)
    long = request_of(METHODS["Login"], account="a", password="p" * MOST_ANONYMOUS_BYTES)
    with refused("INVALID_ARGUMENT", "MESSAGE_TOO_LARGE"):
        sqlite_site.caller().send("Login", long)
    with refused("UNAUTHENTICATED", "LOGIN_REFUSED"):
        sqlite_site.caller().Login(account="a", password="p" * (MOST_ANONYMOUS_BYTES // 2))


SECONDS = {"last": 253_402_300_799, "after": 253_402_300_800, "span": 31_536_000_001}


@pytest.mark.parametrize(
    ("name", "fields", "about"),
    [
        ("CreateProject", {"name": "a\0b"}, "name"),
        ("CreateProject", {"name": "a", "request_id": "\0"}, "request_id"),
        ("ResolveNames", {"object_type": "host", "names": ["a", "\0"]}, "names"),
        ("AssignRole", {"account": str(uuid4()), "role": 99}, "role"),
        (
            "ProvisionMachine",
            {"region": str(uuid4()), "name": "a", "spec": {"placement": -1}},
            "spec.placement",
        ),
        (
            "CreateClaim",
            {"spec": {"window": {"release_at": {"seconds": SECONDS["after"]}}}},
            "release_at",
        ),
        ("CreateClaim", {"spec": {"window": {"acquire_at": {"seconds": -1}}}}, "acquire_at"),
        (
            "CreateClaim",
            {"spec": {"window": {"acquire_at": {"seconds": SECONDS["last"], "nanos": -1}}}},
            "acquire_at",
        ),
        ("FindOpenings", {"length": {"seconds": SECONDS["span"]}}, "length"),
        ("FindOpenings", {"length": {"seconds": 60, "nanos": -1}}, "length"),
        ("FindOpenings", {"length": {"nanos": 1_000_000_000}}, "length"),
        ("ForceRelease", {"reason": "stuck"}, "object_id"),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_its_field(
    place: Place, name: str, fields: dict[str, Any], about: str
) -> None:
    given = project_of(METHODS[name], place.project) | fields
    with refused("INVALID_ARGUMENT", about=about):
        ask(place.operator, METHODS[name], **given)


SHOWN = [
    name
    for name, method in METHODS.items()
    if name.startswith(("Get", "Verify", "Inspect")) and "id" in method.input_type.fields_by_name
]


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("identity", ["", "web-1", "'; --"])
def test_an_id_that_is_none_is_refused_as_such(site: Site, name: str, identity: str) -> None:
    named = project_of(METHODS[name], str(uuid4()))
    with refused("INVALID_ARGUMENT", about="id"):
        ask(site.admin, METHODS[name], id=identity, **named)


@pytest.mark.parametrize("name", SHOWN)
def test_an_object_that_is_not_there_is_named(site: Site, name: str) -> None:
    wanted = str(uuid4())
    named = project_of(METHODS[name], str(uuid4()))
    with refused("NOT_FOUND", "NOT_FOUND") as refusal:
        ask(site.admin, METHODS[name], id=wanted, **named)
    assert refusal.resource[1] == wanted
    assert refusal.resource[0]


def test_each_answer_tells_the_version(sqlite_site: Site) -> None:
    with grpc.insecure_channel(sqlite_site.address) as channel:
        iam: Any = iam_pb2_grpc.IamServiceStub(channel)
        health: Any = health_pb2_grpc.HealthStub(channel)
        for call, request in (
            (iam.ListTokenKeys, iam_pb2.ListTokenKeysRequest()),
            (health.Check, health_pb2.HealthCheckRequest()),
        ):
            _, answered = call.with_call(request)
            assert dict(answered.trailing_metadata())["mulligan-version"] == VERSION
        with pytest.raises(grpc.RpcError) as refused:
            iam.ListRegions(iam_pb2.ListRegionsRequest())
        refusal: Any = refused.value
        assert dict(refusal.trailing_metadata())["mulligan-version"] == VERSION


def test_health_and_reflection_answer_without_a_token(sqlite_site: Site) -> None:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    with grpc.insecure_channel(sqlite_site.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in SERVICES.values():
            request = health_pb2.HealthCheckRequest(service=service.full_name)
            assert health.Check(request).status == health_pb2.HealthCheckResponse.SERVING
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        [answer] = reflection.ServerReflectionInfo(iter([asked]))
        offered = {service.name for service in answer.list_services_response.service}
        assert {service.full_name for service in SERVICES.values()} <= offered
