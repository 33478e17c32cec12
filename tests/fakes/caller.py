"""Somebody who calls the API, and what a refusal says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
import jwt
import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

from api.server import SERVICES

SHARED = ("Watch", "ListAuditEvents")
Methods = Mapping[str, MethodDescriptor]


def methods_of(services: Mapping[str, ServiceDescriptor]) -> Methods:
    """By name; what control shares with others stands as iamWatch, metaWatch, resourceWatch, ..."""
    return {
        ("" if method.name not in SHARED or noun == "control" else noun) + method.name: method
        for noun, service in services.items()
        for method in service.methods
    }


METHODS = methods_of(SERVICES)


class Caller:
    """Calls any RPC by its name, with the request's fields as arguments.

    A mutation gets a request id of its own unless one is given. `methods` are those that the
    caller knows, of another release perhaps.
    """

    def __init__(self, address: str, token: str = "", methods: Methods = METHODS) -> None:
        self.token, self._methods = token, methods
        self._channel = grpc.insecure_channel(address)

    @property
    def account(self) -> str:
        """UUID of the account whose token it is."""
        return str(jwt.decode(self.token, options={"verify_signature": False})["sub"])

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = self._methods[name]
        return lambda **fields: self.send(method, request_of(method, **fields))

    def send(self, method: MethodDescriptor | str, request: Any, timeout: float = 30) -> Any:
        """Send a request as it is, or bytes in its place."""
        return self._call(method)(request, timeout=timeout, metadata=self._metadata)

    def begin(self, method: MethodDescriptor, request: Any) -> Any:
        """Send a request and wait for no answer; gives the call, which can be cancelled."""
        return self._call(method).future(request, metadata=self._metadata)

    def _call(self, method: MethodDescriptor | str) -> Any:
        method = self._methods[method] if isinstance(method, str) else method
        assert method.containing_service is not None
        kind = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
        return kind(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=_bytes_of,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def until(
        self, happened: Callable[[Any], bool], watch: str = "Watch", **fields: Any
    ) -> list[Any]:
        """Watch until something happened, at any service; give the events up to it."""
        watched = getattr(self, watch)(**{"after_revision": 1, **fields})
        seen = []
        for event in watched:
            seen.append(event)
            if happened(event):
                watched.cancel()
                return seen
        raise AssertionError("the watch ended")


def _bytes_of(request: Any) -> bytes:
    return request if isinstance(request, bytes) else bytes(request.SerializeToString())


def request_of(method: MethodDescriptor, /, **fields: Any) -> Any:
    """Make a method's request."""
    if "request_id" in method.input_type.fields_by_name:
        fields.setdefault("request_id", str(uuid4()))
    return GetMessageClass(method.input_type)(**fields)


@dataclass
class Refusal:
    """What an error said; filled in once it was raised."""

    message: str = ""
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: dict[str, str] = field(default_factory=dict)
    field: str = ""
    resource: tuple[str, str] = ("", "")
    request_id: str = ""
    retry_s: int = 0


@contextmanager
def refused(code: str, reason: str = "", about: str = "") -> Iterator[Refusal]:
    """Expect a refusal with this gRPC status, reason and field."""
    refusal = Refusal()
    with pytest.raises(grpc.RpcError) as raised:
        yield refusal
    error: Any = raised.value
    _read(refusal, error)
    assert (error.code().name, refusal.message[:100]) == (code, error.details()[:100])
    assert refusal.reason == (reason or refusal.reason)
    if about:
        assert refusal.field == about
    assert refusal.request_id


def _read(refusal: Refusal, error: Any) -> None:
    trailer = dict(error.trailing_metadata())
    assert "grpc-status-details-bin" in trailer, f"{error.code()}: {error.details()}"
    status = status_pb2.Status.FromString(trailer["grpc-status-details-bin"])
    refusal.message = status.message
    for packed in status.details:
        if packed.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            told = error_details_pb2.ErrorInfo.FromString(packed.value)
            assert told.domain == "mulligan"
            refusal.reason, refusal.metadata = told.reason, dict(told.metadata)
        elif packed.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest.FromString(packed.value)
            refusal.field = bad.field_violations[0].field
            refusal.violations = {one.field: one.description for one in bad.field_violations}
        elif packed.Is(error_details_pb2.ResourceInfo.DESCRIPTOR):
            resource = error_details_pb2.ResourceInfo.FromString(packed.value)
            refusal.resource = (resource.resource_type, resource.resource_name)
        elif packed.Is(error_details_pb2.RequestInfo.DESCRIPTOR):
            refusal.request_id = error_details_pb2.RequestInfo.FromString(packed.value).request_id
        elif packed.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo.FromString(packed.value)
            refusal.retry_s = retry.retry_delay.seconds
