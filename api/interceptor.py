"""The one interceptor: who calls, what may they do, is the request one that we understand.

It reads the role and scope that an RPC needs from the option next to the RPC in the .proto.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from api.call import Call, enter_call
from api.errors import abort
from api.wellformed import (
    MAX_REQUEST_ID,
    decode,
    refuse_malformed_values,
    refuse_unknown_fields,
)
from mulligan.database import Database
from mulligan.iam import tokens
from mulligan.values.caller import Caller
from mulligan.values.errors import (
    InvalidArgumentError,
    MulliganError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from mulligan_client.gen.mulligan.common.v1 import common_pb2

KeySource = Callable[[str], Awaitable[Mapping[str, str]]]
"""Gives the public keys by id, fetching them anew when the id that it is told is not among them."""

MOST_ANONYMOUS_BYTES = 64 << 10
"""So long may be what somebody sends who has no token: looking at it takes time."""

ANONYMOUS = Caller("00000000-0000-0000-0000-000000000000", {})
_ROLES = {
    common_pb2.ROLE_READER: "reader",
    common_pb2.ROLE_MEMBER: "member",
    common_pb2.ROLE_OPERATOR: "operator",
    common_pb2.ROLE_ADMIN: "admin",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Method:
    """What the interceptor knows of an RPC."""

    name: str
    request: type[Message]
    access: common_pb2.Access
    has_request_id: bool
    database: Database


def methods_of(service: ServiceDescriptor, database: Database) -> dict[str, Method]:
    """Read what each RPC of a service needs.

    Raises:
        LookupError: an RPC says nothing of role and scope: the server must not start.
    """
    return {
        f"/{service.full_name}/{method.name}": _method(method, database)
        for method in service.methods
    }


def _method(method: MethodDescriptor, database: Database) -> Method:
    access = method.GetOptions().Extensions[common_pb2.access]
    if not access.role or not access.scope:
        raise LookupError(f"RPC {method.full_name} has no (mulligan.common.v1.access) option")
    fields = method.input_type.fields_by_name
    if access.scope == common_pb2.SCOPE_PROJECT and "project" not in fields:
        raise LookupError(f"RPC {method.full_name} has project scope but no field project")
    kind = GetMessageClass(method.input_type)
    return Method(method.full_name, kind, access, "request_id" in fields, database)


class Gate(grpc.aio.ServerInterceptor):
    """Lets through who may do what they ask, and answers errors in one way."""

    def __init__(
        self, methods: Mapping[str, Method], keys: KeySource, threads: ThreadPoolExecutor
    ) -> None:
        self._methods = methods
        self._keys = keys
        self._threads = threads

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        """Stand in front of each handler of our services.

        Requests come as bytes: what gRPC can't decode itself, it does not refuse in our words.
        """
        handler = await continuation(details)
        method = self._methods.get(details.method)
        if handler is None or method is None:
            return handler
        metadata = dict(details.invocation_metadata or ())
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(handler.unary_unary, method, metadata),
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_stream_rpc_method_handler(
            self._stream(handler.unary_stream, method, metadata),
            response_serializer=handler.response_serializer,
        )

    def _unary(self, answer: Any, method: Method, metadata: Mapping[str, Any]) -> Any:
        async def answer_unary(encoded: bytes, context: Any) -> Message:
            request_id = str(uuid4())
            try:
                request = self._decoded(encoded, method)
                request_id = getattr(request, "request_id", "") or request_id
                enter_call(await self._call(request, context, method, metadata, request_id))
                result: Message = await answer(request, context)
                return result
            except MulliganError as error:
                await abort(context, error, request_id)
            except Exception as error:
                if isinstance(error, grpc.RpcError):
                    raise
                await abort(context, _internal(method, request_id), request_id)
            raise AssertionError("abort returns never")

        return answer_unary

    def _stream(self, answer: Any, method: Method, metadata: Mapping[str, Any]) -> Any:
        async def answer_stream(encoded: bytes, context: Any) -> AsyncIterator[Message]:
            request_id = str(uuid4())
            try:
                request = self._decoded(encoded, method)
                enter_call(await self._call(request, context, method, metadata, request_id))
                async for message in answer(request, context):
                    yield message
            except MulliganError as error:
                await abort(context, error, request_id)
            except Exception as error:
                if isinstance(error, grpc.RpcError):
                    raise
                await abort(context, _internal(method, request_id), request_id)

        return answer_stream

    def _decoded(self, encoded: bytes, method: Method) -> Message:
        if method.access.role == common_pb2.ROLE_ANONYMOUS and len(encoded) > MOST_ANONYMOUS_BYTES:
            raise InvalidArgumentError(
                f"{method.name.rpartition('.')[2]} takes {MOST_ANONYMOUS_BYTES} bytes at most",
                code="MESSAGE_TOO_LARGE",
            )
        return decode(method.request, encoded)

    async def _call(
        self,
        request: Message,
        context: Any,
        method: Method,
        metadata: Mapping[str, Any],
        request_id: str,
    ) -> Call:
        caller = await self._caller(metadata, method)
        caller = replace(caller, address=context.peer() or "")
        _authorize(caller, request, method)
        refuse_unknown_fields(request)
        if method.has_request_id and not 1 <= len(request.request_id) <= MAX_REQUEST_ID:  # type: ignore[attr-defined]
            raise InvalidArgumentError(
                f"request_id is needed and may have {MAX_REQUEST_ID} characters at most; give a "
                "UUID, and the same one when you try again",
                field="request_id",
            )
        refuse_malformed_values(request)
        return Call(caller, method.name, request_id, method.database, self._threads)

    async def _caller(self, metadata: Mapping[str, Any], method: Method) -> Caller:
        if method.access.role == common_pb2.ROLE_ANONYMOUS:
            return ANONYMOUS
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("sign in first, with `mulligan login`")
        return tokens.check(token, await self._keys(tokens.key_id(token)))


def _authorize(caller: Caller, request: Message, method: Method) -> None:
    role = _ROLES.get(method.access.role)
    if role is None:
        return
    project = ""
    if method.access.scope == common_pb2.SCOPE_PROJECT:
        project = request.project  # type: ignore[attr-defined]
        if not project:
            raise InvalidArgumentError("say which project", field="project")
    if not caller.has(role, project):
        where = f"project {project}" if project else "the system"
        raise PermissionDeniedError(
            f"{method.name.rpartition('.')[2]} needs the role {role} on {where}; ask an "
            "administrator for it"
        )


def _internal(method: Method, request_id: str) -> MulliganError:
    _log.exception("call failed", extra={"method": method.name, "request_id": request_id})
    return MulliganError(
        f"{method.name.rpartition('.')[2]} failed inside the server; its log says more under "
        f"request id {request_id}"
    )
