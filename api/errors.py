"""Errors as google.rpc.Status with details, so that programs need not read the sentence."""

from typing import NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from mulligan.values.errors import MulliganError

DOMAIN = "mulligan"


async def abort(
    context: grpc.aio.ServicerContext[Message, Message], error: MulliganError, request_id: str
) -> NoReturn:
    """End a call with an error, its stable code, the field and object it is about."""
    code: grpc.StatusCode = getattr(grpc.StatusCode, error.grpc_status)
    number: int = code.value[0]
    status = status_pb2.Status(
        code=number, message=error.message, details=_details(error, request_id)
    )
    trailer = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, error.message, trailer)
    raise AssertionError("abort returns never")


def _details(error: MulliganError, request_id: str) -> list[any_pb2.Any]:
    known = error.details
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=known),
        error_details_pb2.RequestInfo(request_id=request_id),
    ]
    if known.get("field"):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=known["field"], description=error.message
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if known.get("object_id"):
        details.append(
            error_details_pb2.ResourceInfo(
                resource_type=known.get("object_type", ""), resource_name=known["object_id"]
            )
        )
    if error.retryable or "retry_after_s" in known:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.seconds = int(known.get("retry_after_s", 1))
        details.append(retry)
    return [_packed(detail) for detail in details]


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
