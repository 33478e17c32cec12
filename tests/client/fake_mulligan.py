"""A Mulligan server inside the test: real gRPC, answers by hand."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.rpc import code_pb2, error_details_pb2, status_pb2

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2, control_pb2_grpc
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2, iam_pb2_grpc
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2, meta_pb2_grpc
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2_grpc

REGION = "11111111-1111-4111-8111-111111111111"
PROJECT = "22222222-2222-4222-8222-222222222222"
IMAGE = "33333333-3333-4333-8333-333333333333"
NETWORK = "44444444-4444-4444-8444-444444444444"
SERVER = "55555555-5555-4555-8555-555555555555"
HOST = "66666666-6666-4666-8666-666666666666"
MACHINE = "77777777-7777-4777-8777-777777777777"
OPERATION = "88888888-8888-4888-8888-888888888888"
ACCOUNT = "99999999-9999-4999-8999-999999999999"
GROUP = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

NAMES = {
    ("region", "home"): REGION,
    ("project", "default"): PROJECT,
    ("image", "debian-13"): IMAGE,
    ("network", "lan"): NETWORK,
    ("server", "rack1-07"): SERVER,
    ("host", "hyper-1"): HOST,
    ("machine", "web-1"): MACHINE,
    ("account", "ann"): ACCOUNT,
    ("group", "team"): GROUP,
}


@dataclass
class RefusalError(Exception):
    """What the server answers instead: a gRPC status with Mulligan's details."""

    status: str
    code: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict)
    violations: dict[str, str] = field(default_factory=dict)
    resource: tuple[str, str] = ("", "")
    retry_after_s: float = 0.0
    request_id: str = ""
    version: str = ""

    def packed(self) -> status_pb2.Status:
        """Write it as google.rpc.Status."""
        details: list[Any] = [
            error_details_pb2.ErrorInfo(reason=self.code, domain="mulligan", metadata=self.metadata)
        ]
        if self.violations:
            bad = error_details_pb2.BadRequest()
            for name, description in self.violations.items():
                bad.field_violations.add(field=name, description=description)
            details.append(bad)
        if self.resource[0]:
            details.append(
                error_details_pb2.ResourceInfo(
                    resource_type=self.resource[0], resource_name=self.resource[1]
                )
            )
        if self.retry_after_s:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromTimedelta(timedelta(seconds=self.retry_after_s))
            details.append(retry)
        if self.request_id:
            details.append(error_details_pb2.RequestInfo(request_id=self.request_id))
        status = status_pb2.Status(code=code_pb2.Code.Value(self.status), message=self.message)
        for detail in details:
            packed = Packed()
            packed.Pack(detail)
            status.details.append(packed)
        return status


@dataclass(frozen=True)
class Call:
    """One call that arrived."""

    method: str
    request: Any
    metadata: dict[str, Any]


_STREAMS = ("Watch", "ProposeCandidates")


class FakeMulligan:
    """All four services on one port; a method answers what the test said, the last one for ever."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._answers: dict[str, list[Any]] = {}
        self._server = grpc.server(ThreadPoolExecutor(8))
        for register, base in (
            (iam_pb2_grpc.add_IamServiceServicer_to_server, iam_pb2_grpc.IamServiceServicer),
            (meta_pb2_grpc.add_MetaServiceServicer_to_server, meta_pb2_grpc.MetaServiceServicer),
            (
                resource_pb2_grpc.add_ResourceServiceServicer_to_server,
                resource_pb2_grpc.ResourceServiceServicer,
            ),
            (
                control_pb2_grpc.add_ControlServiceServicer_to_server,
                control_pb2_grpc.ControlServiceServicer,
            ),
        ):
            register(self._servicer(base), self._server)
        self.version = "0.1.0"
        check: Any = grpc.unary_unary_rpc_method_handler(self._check)
        health = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check})
        self._server.add_generic_rpc_handlers((health,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self.names = dict(NAMES)
        self.on("ListServices", iam_pb2.ListServicesResponse())
        self.on("ResolveNames", self.resolve_names)
        self.on("DescribeObjects", _describe)
        self.on(
            "ListProjects",
            iam_pb2.ListProjectsResponse(
                projects=[iam_pb2.Project(metadata=common_pb2.Metadata(id=PROJECT, name="default"))]
            ),
        )
        self.on(
            "ListRegions",
            iam_pb2.ListRegionsResponse(
                regions=[iam_pb2.Region(metadata=common_pb2.Metadata(id=REGION, name="home"))]
            ),
        )
        self._server.start()

    def stop(self) -> None:
        """Stop at once."""
        self._server.stop(None).wait()

    def on(self, method: str, *answers: Any) -> None:
        """Answer with messages, refusals, functions of the request; a stream with lists of them."""
        self._answers[method] = list(answers)

    def asked(self, method: str) -> list[Any]:
        """Give the requests of a method, in the order in which they came."""
        return [call.request for call in self.calls if call.method == method]

    def _servicer(self, base: type) -> Any:
        methods = {
            name: self._stream(name) if name in _STREAMS else self._unary(name)
            for name in vars(base)
            if not name.startswith("_")
        }
        return type(f"Fake{base.__name__}", (base,), methods)()

    def resolve_names(self, request: meta_pb2.ResolveNamesRequest) -> meta_pb2.ResolveNamesResponse:
        """Find what the fake has, wherever it is asked for."""
        found = [(name, self.names.get((request.object_type, name))) for name in request.names]
        return meta_pb2.ResolveNamesResponse(
            objects=[
                meta_pb2.NamedObject(asked=name, id=one, object_type=request.object_type, name=name)
                for name, one in found
                if one
            ]
        )

    def _check(self, _: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("mulligan-version", self.version),))
        return b""

    def _next(self, method: str, request: Any, context: Any) -> Any:
        self.calls.append(Call(method, request, dict(context.invocation_metadata())))
        answers = self._answers.get(method)
        if not answers:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{method} has no answer in this test")
            raise AssertionError("abort raises")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _unary(self, method: str) -> Callable[[Any, Any, Any], Any]:
        def answer(_: Any, request: Any, context: Any) -> Any:
            found = self._next(method, request, context)
            found = found(request) if callable(found) else found
            if isinstance(found, RefusalError):
                _refuse(context, found)
            return found

        return answer

    def _stream(self, method: str) -> Callable[[Any, Any, Any], Iterator[Any]]:
        def answer(_: Any, request: Any, context: Any) -> Iterator[Any]:
            for found in self._next(method, request, context):
                if isinstance(found, RefusalError):
                    _refuse(context, found)
                if isinstance(found, grpc.StatusCode):
                    context.abort(found, "connection reset")
                yield found

        return answer


def _refuse(context: Any, refusal: RefusalError) -> None:
    packed = refusal.packed().SerializeToString()
    version = (("mulligan-version", refusal.version),) if refusal.version else ()
    context.set_trailing_metadata((("grpc-status-details-bin", packed), *version))
    context.abort(grpc.StatusCode[refusal.status], refusal.message)


def _describe(request: meta_pb2.DescribeObjectsRequest) -> meta_pb2.DescribeObjectsResponse:
    names = {one: (kind, name) for (kind, name), one in NAMES.items()}
    return meta_pb2.DescribeObjectsResponse(
        objects=[
            meta_pb2.NamedObject(asked=one, id=one, object_type=names[one][0], name=names[one][1])
            for one in request.ids
            if one in names
        ]
    )


def ago(seconds: float) -> Any:
    """A protobuf time so many seconds ago."""
    stamp = common_pb2.Status().since
    stamp.FromDatetime(datetime.now(UTC) - timedelta(seconds=seconds))
    return stamp


def status(state: str, reason: str = "", next_action: str = "") -> common_pb2.Status:
    """A status since three minutes."""
    return common_pb2.Status(state=state, reason=reason, since=ago(200), next_action=next_action)


def a_machine(state: str = "active", **fields: Any) -> control_pb2.Machine:
    """The machine web-1."""
    return control_pb2.Machine(
        metadata=common_pb2.Metadata(id=MACHINE, name="web-1", project=PROJECT, region=REGION),
        spec=control_pb2.MachineSpec(
            kind="virtual", image=IMAGE, vcpus=2, memory_mib=2048, disk_gib=10
        ),
        status=status(state, "it phoned home"),
        provider=HOST,
        addresses=[
            control_pb2.Address(
                network=NETWORK, mac="52:54:00:12:34:56", address="10.0.2.100", mode="auto"
            )
        ],
        operation=OPERATION,
        **fields,
    )


def a_server(state: str = "available", **fields: Any) -> control_pb2.Server:
    """The server rack1-07."""
    return control_pb2.Server(
        metadata=common_pb2.Metadata(id=SERVER, name="rack1-07", region=REGION),
        spec=control_pb2.ServerSpec(address="https://10.0.0.17"),
        status=status(state, "verified and inspected"),
        inventory=control_pb2.ServerInventory(
            manufacturer="ACME", cpus=64, memory_mib=262144, architecture="x86_64"
        ),
        operation=OPERATION,
        **fields,
    )


def an_operation(state: str, *steps: control_pb2.Step, **fields: Any) -> control_pb2.Operation:
    """The operation that provisions web-1."""
    fields.setdefault("ended_at", None if state == "running" else ago(30))
    return control_pb2.Operation(
        metadata=common_pb2.Metadata(
            id=OPERATION, name="provision web-1", project=PROJECT, created_at=ago(95.5)
        ),
        type="provision",
        status=status(state),
        object_type="machine",
        object_id=MACHINE,
        steps=steps,
        workflow_url="http://127.0.0.1:8233/namespaces/default/workflows/x",
        **fields,
    )


def a_step(name: str, state: str, percent: int = 0, message: str = "") -> control_pb2.Step:
    """A step that began a minute ago."""
    return control_pb2.Step(
        name=name,
        state=state,
        started_at=ago(60),
        ended_at=None if state == "running" else ago(48),
        percent=percent,
        message=message,
    )


def an_event(revision: int, **fields: Any) -> common_pb2.Event:
    """A change of web-1, by its operation."""
    fields = {
        "object_type": "machine",
        "object_id": MACHINE,
        "kind": "state",
        "operation": OPERATION,
        "at": ago(5),
        **fields,
    }
    return common_pb2.Event(revision=revision, **fields)
