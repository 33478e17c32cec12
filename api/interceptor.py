"""The one interceptor: who calls, what may they do, is the request one that we understand.

The role and scope that an RPC needs are read from the option next to the RPC in the .proto.
"""

import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError, RPCStatusCode

from api.access import Access, Method
from api.call import Call, enter_call
from api.errors import TOLD, abort, has_parts
from api.in_force import InForce
from api.messages import of_a_size
from api.page_tokens import close_token, open_token
from api.places import Places
from api.refusals import Asking, Refusals
from api.rules import lower_ids, refuse_broken_rules
from api.wellformed import decode, refuse_malformed
from mulligan.database import Database
from mulligan.iam import tokens
from mulligan.iam.keys import PublicKey
from mulligan.values.caller import Caller
from mulligan.values.errors import (
    InvalidArgumentError,
    MulliganError,
    UnauthenticatedError,
    UnavailableError,
)
from mulligan_client.gen.mulligan.common.v1 import common_pb2

KeySource = Callable[[str], Awaitable[Mapping[str, PublicKey]]]
"""Gives the public keys by id, fetching them anew when the id that it is told is not among them."""

MOST_ANONYMOUS_BYTES = 64 << 10
"""So long may be what somebody sends who has no token: looking at it takes time."""

_AWAY = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
"""What Temporal's client raises when nobody answers."""

HEALTH = "/grpc.health.v1.Health/Check"
"""Whoever knows nothing of a service yet asks for this, and is told its version, too."""

ANONYMOUS = Caller("00000000-0000-0000-0000-000000000000", {})
_log = logging.getLogger(__name__)


class Gate(grpc.aio.ServerInterceptor):
    """Lets through who may do what they ask, and answers errors in one way."""

    def __init__(
        self,
        methods: Mapping[str, Method],
        keys: KeySource,
        places: Places,
        threads: ThreadPoolExecutor,
        refusals: Mapping[Database, Refusals],
        in_force: Mapping[str, InForce],
        suspect: Callable[[], None],
    ) -> None:
        """Stand before methods; `suspect` is told when a call could not be answered."""
        self._methods = methods
        self._keys = keys
        self._places = places
        self._in_force = in_force
        self._suspect = suspect
        self._access = Access(places, threads)
        self._threads = threads
        self._refusals = refusals

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
        if handler is not None and details.method == HEALTH:
            return grpc.unary_unary_rpc_method_handler(
                _telling_version(handler.unary_unary),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
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
            asking = Asking(method, context.peer() or "", str(uuid4()))
            try:
                request = asking.request = await self._decoded(encoded, asking, metadata)
                asking.request_id = getattr(request, "request_id", "") or asking.request_id
                call = await self._call(request, asking, metadata, _ends_at(context))
                if method.is_paged:
                    open_token(request, method.name, call.caller.account)
                enter_call(call)
                context.set_trailing_metadata(TOLD)
                result: Message = await answer(request, context)
                if method.is_paged:
                    of_a_size(result, "page.size", "the page is")
                    close_token(result, request, method.name, call.caller.account)
                return result
            except Exception as error:
                await self._refuse(context, self._told(error, asking), asking)
            raise AssertionError("abort returns never")

        return answer_unary

    def _stream(self, answer: Any, method: Method, metadata: Mapping[str, Any]) -> Any:
        async def answer_stream(encoded: bytes, context: Any) -> AsyncIterator[Message]:
            asking = Asking(method, context.peer() or "", str(uuid4()))
            try:
                request = asking.request = await self._decoded(encoded, asking, metadata)
                enter_call(await self._call(request, asking, metadata, _ends_at(context)))
                async for message in answer(request, context):
                    yield message
            except Exception as error:
                await self._refuse(context, self._told(error, asking), asking)

        return answer_stream

    async def _refuse(self, context: Any, error: MulliganError, asking: Asking) -> None:
        self._refusals[asking.method.database].note(asking, error, self._places)
        operators = has_parts(error) and await self._runs_it(asking, _ends_at(context))
        await abort(context, error, asking.request_id, operators=operators)

    async def _runs_it(self, asking: Asking, ends_at: float) -> bool:
        """Say whether who asks runs the hardware of all that the request names."""
        if asking.caller is None or asking.request is None:
            return False
        try:
            until = self._checked_until(asking.method, ends_at)
            return await self._access.runs_it(asking.caller, asking.request, asking.method, until)
        except (MulliganError, SQLAlchemyError):
            return False

    def _told(self, error: Exception, asking: Asking) -> MulliganError:
        """What the caller is told of an error; gRPC's own goes on as it is."""
        if isinstance(error, grpc.RpcError):
            raise error
        if isinstance(error, RPCError) and error.status in _AWAY:
            self._suspect()
            error = UnavailableError(
                "Temporal does not answer now; try again with the same request id"
            )
        if isinstance(error.__cause__, SQLAlchemyError | RPCError):
            self._suspect()
        if isinstance(error, MulliganError):
            return error
        return _internal(asking.method, asking.request_id)

    async def _decoded(
        self, encoded: bytes, asking: Asking, metadata: Mapping[str, Any]
    ) -> Message:
        method = asking.method
        if len(encoded) > MOST_ANONYMOUS_BYTES:
            if method.access.role == common_pb2.ROLE_ANONYMOUS:
                raise InvalidArgumentError(
                    f"{method.verb} takes {MOST_ANONYMOUS_BYTES} bytes at most",
                    code="MESSAGE_TOO_LARGE",
                )
            # Who has no token gets no more looked at than that.
            await self._caller(asking, metadata)
        try:
            return decode(method.request, encoded)
        except MulliganError:
            with suppress(MulliganError):
                # The audit is to tell who sent it.
                await self._caller(asking, metadata)
            raise

    async def _call(
        self,
        request: Message,
        asking: Asking,
        metadata: Mapping[str, Any],
        ends_at: float,
    ) -> Call:
        method = asking.method
        caller = await self._caller(asking, metadata)
        in_force = self._in_force[method.service]
        in_force.admit(caller, method)
        lower_ids(request)
        await self._access.check(caller, request, method, self._checked_until(method, ends_at))
        refuse_malformed(request)
        refuse_broken_rules(request)
        return Call(
            self._access.within(caller, method),
            method.name,
            asking.request_id,
            method.database,
            self._threads,
            ends_at,
            in_force.configuration,
        )

    def _checked_until(self, method: Method, ends_at: float) -> float:
        """Until when may be read what a caller's rights need, by time.monotonic."""
        within_s = self._in_force[method.service].configuration.transaction_timeout or math.inf
        return min(ends_at, time.monotonic() + within_s)

    async def _caller(self, asking: Asking, metadata: Mapping[str, Any]) -> Caller:
        """Find out who calls, and have the audit know it."""
        caller = asking.caller = replace(
            await self._named_by_token(asking.method, metadata),
            address=asking.peer,
            project_tree=self._places.projects,
            region_tree=self._places.regions,
        )
        return caller

    async def _named_by_token(self, method: Method, metadata: Mapping[str, Any]) -> Caller:
        if method.access.role == common_pb2.ROLE_ANONYMOUS:
            return ANONYMOUS
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("sign in first, with `mulligan login`")
        return tokens.check(token, await self._keys(tokens.key_id(token)))


def _ends_at(context: Any) -> float:
    """When the caller stops waiting, by time.monotonic."""
    left_s = context.time_remaining()
    return math.inf if left_s is None else time.monotonic() + left_s


def _telling_version(answer: Any) -> Any:
    def answer_with_version(request: Message, context: Any) -> Any:
        context.set_trailing_metadata(TOLD)
        return answer(request, context)

    async def wait_for_answer(request: Message, context: Any) -> Any:
        return await answer_with_version(request, context)

    return wait_for_answer if iscoroutinefunction(answer) else answer_with_version


def _internal(method: Method, request_id: str) -> MulliganError:
    _log.exception("call failed", extra={"method": method.name, "request_id": request_id})
    return MulliganError(
        f"{method.verb} failed inside the server; its log says more under request id {request_id}"
    )
