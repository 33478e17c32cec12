"""Errors as google.rpc.Status with details, so that programs need not read the sentence."""

from typing import NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from api.wellformed import VERSION
from mulligan.values import told
from mulligan.values.errors import MulliganError

DOMAIN = "mulligan"

TOLD = (("mulligan-version", VERSION),)
"""Trailing metadata of each answer: a newer client does not send what is newer than that."""

MOST_TRAILER_BYTES = 6_000
"""gRPC refuses trailers beyond 8 KiB with an error of its own, in which ours is lost."""

MOST_WORDS_BYTES = 600
"""Of the sentence where it is told once more, for who does not read the details."""

_TEXT_BYTES = (4_000, 1_000, 200)
"""Texts are shortened to the first of these with which all fits."""


async def abort(
    context: grpc.aio.ServicerContext[Message, Message],
    error: MulliganError,
    request_id: str,
    *,
    operators: bool = False,
) -> NoReturn:
    """End a call with an error, its stable code, the field and object it is about.

    Args:
        context: the call's.
        error: why it ends.
        request_id: the call's.
        operators: who is refused reads what is for operators.
    """
    _keep_part(error, operators=operators)
    code: grpc.StatusCode = getattr(grpc.StatusCode, error.grpc_status)
    packed = status_of(error, request_id).SerializeToString()
    trailer = (("grpc-status-details-bin", packed), *TOLD)
    await context.abort(code, _shortened(error.message, MOST_WORDS_BYTES), trailer)
    raise AssertionError("abort returns never")


def has_parts(error: MulliganError) -> bool:
    """Say whether operators read something else of an error than everybody."""
    texts = (error.message, *error.details.values(), *(words for _, words in error.others))
    return any(map(told.has_parts, texts))


def _keep_part(error: MulliganError, *, operators: bool) -> None:
    """Leave one part of each of an error's texts."""
    error.message = told.read(error.message, operators=operators)
    error.details = {
        name: told.read(text, operators=operators) for name, text in error.details.items()
    }
    error.others = [(field, told.read(text, operators=operators)) for field, text in error.others]


def status_of(error: MulliganError, request_id: str) -> status_pb2.Status:
    """Write an error as google.rpc.Status of MOST_TRAILER_BYTES at most."""
    code: grpc.StatusCode = getattr(grpc.StatusCode, error.grpc_status)
    number: int = code.value[0]
    for most in _TEXT_BYTES:
        status = status_pb2.Status(
            code=number,
            message=_shortened(error.message, most),
            details=_details(error, _shortened(request_id, most), most),
        )
        if status.ByteSize() <= MOST_TRAILER_BYTES:
            break
    return status


def _details(error: MulliganError, request_id: str, most: int) -> list[any_pb2.Any]:
    known = {name: _shortened(text, most) for name, text in error.details.items()}
    if known.get("explanation") != error.details.get("explanation"):
        # A part of it can't be read; the message says the same.
        del known["explanation"]
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=known),
        error_details_pb2.RequestInfo(request_id=request_id),
    ]
    if known.get("field"):
        # Each takes some 200 bytes: the less there is of each, the fewer of them there are.
        broken = [(known["field"], error.message), *error.others[: most // 200]]
        violations = [
            error_details_pb2.BadRequest.FieldViolation(
                field=_shortened(field, most),
                description=_shortened(words, min(most, MOST_WORDS_BYTES)),
            )
            for field, words in broken
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
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


def _shortened(text: str, most: int) -> str:
    """Leave out the middle of a text that is longer than so many bytes, and say so."""
    text = told.read(text, operators=False)  # who it is refused to may be anybody
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    half = most // 2 - 2
    begin, end = encoded[:half].decode(errors="ignore"), encoded[-half:].decode(errors="ignore")
    return f"{begin}…{end}"


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
