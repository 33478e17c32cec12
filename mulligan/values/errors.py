"""Every error that Mulligan tells a caller, in one tree.

    MulliganError
    ├── InvalidArgumentError      INVALID_ARGUMENT    a field's value can't be used
    ├── UnauthenticatedError      UNAUTHENTICATED     no token, or one that is expired or not ours
    ├── PermissionDeniedError     PERMISSION_DENIED   the role does not reach this far
    ├── NotFoundError             NOT_FOUND           no such object, or another project's
    ├── AlreadyExistsError        ALREADY_EXISTS      the name or the request id is taken
    ├── FailedPreconditionError   FAILED_PRECONDITION its state does not allow it
    ├── NoCapacityError           RESOURCE_EXHAUSTED  nothing fits; says why
    ├── QuotaExceededError        RESOURCE_EXHAUSTED  the project may not have as much
    ├── RateLimitedError          RESOURCE_EXHAUSTED  too many calls; says when to call again
    ├── TooManyError              RESOURCE_EXHAUSTED  there is as much of it as there can be
    ├── ConflictError             ABORTED             changed meanwhile; a retry can help
    ├── StaleError                ABORTED             changed since it was read; says what
    ├── RevisionGoneError         OUT_OF_RANGE        a watch can't go on from there; list again
    ├── OverdueError              DEADLINE_EXCEEDED   it took longer than it may, done or not
    ├── UnavailableError          UNAVAILABLE         a part is not reachable now; a retry can help
    └── HardwareError             FAILED_PRECONDITION hardware, image or medium did not do as asked
        └── HardwareBusyError     UNAVAILABLE         it may do so later; a retry can help

A leaf's `code` never changes its meaning. `message` says what happened, to which object, and what
the caller can do. `details` are words for programs: `field`, `object_type`, `object_id`,
`retry_after_s` (whole seconds) and others.
"""

from collections.abc import Sequence
from typing import ClassVar


class MulliganError(Exception):
    """What went wrong, to which object, and what can be done about it."""

    code: ClassVar[str] = "INTERNAL"
    grpc_status: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False
    others: Sequence[tuple[str, str]] = ()
    """More fields that can't be used, each with what is wrong with it."""

    def __init__(self, message: str, *, code: str = "", **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = code or self.code
        self.details = details


class InvalidArgumentError(MulliganError):
    """A field's value can't be used; `field` names it, and `others` are more of the same call."""

    code = "INVALID_ARGUMENT"
    grpc_status = "INVALID_ARGUMENT"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        others: Sequence[tuple[str, str]] = (),
        **details: str,
    ) -> None:
        super().__init__(message, code=code, **details)
        self.others = others


class UnauthenticatedError(MulliganError):
    """The caller brought no token, or one that is expired or not ours."""

    code = "UNAUTHENTICATED"
    grpc_status = "UNAUTHENTICATED"


class PermissionDeniedError(MulliganError):
    """The caller's role does not reach this far."""

    code = "PERMISSION_DENIED"
    grpc_status = "PERMISSION_DENIED"


class NotFoundError(MulliganError):
    """There is no such object, or it is another project's."""

    code = "NOT_FOUND"
    grpc_status = "NOT_FOUND"


class AlreadyExistsError(MulliganError):
    """The name is taken, or the request id was used for something else."""

    code = "ALREADY_EXISTS"
    grpc_status = "ALREADY_EXISTS"


class FailedPreconditionError(MulliganError):
    """The object's state does not allow it."""

    code = "FAILED_PRECONDITION"
    grpc_status = "FAILED_PRECONDITION"


class NoCapacityError(MulliganError):
    """Nothing fits: the message says for each constraint how many providers it removed."""

    code = "NO_CAPACITY"
    grpc_status = "RESOURCE_EXHAUSTED"


class QuotaExceededError(MulliganError):
    """The project, or one above it, may not have as much at once, for so long, or so far ahead."""

    code = "QUOTA_EXCEEDED"
    grpc_status = "RESOURCE_EXHAUSTED"


class RateLimitedError(MulliganError):
    """An instance takes no more calls now; `retry_after_s` says when it does again."""

    code = "RATE_LIMITED"
    grpc_status = "RESOURCE_EXHAUSTED"
    retryable = True


class TooManyError(MulliganError):
    """There are as many of something as the installation has room for."""

    code = "TOO_MANY"
    grpc_status = "RESOURCE_EXHAUSTED"


class ConflictError(MulliganError):
    """Somebody else changed the object first."""

    code = "CONFLICT"
    grpc_status = "ABORTED"
    retryable = True


class StaleError(MulliganError):
    """The object changed since the caller read it; the message says what."""

    code = "STALE_GENERATION"
    grpc_status = "ABORTED"


class RevisionGoneError(MulliganError):
    """A watch can't go on after this revision: its events were forgotten; list again."""

    code = "REVISION_GONE"
    grpc_status = "OUT_OF_RANGE"


class OverdueError(MulliganError):
    """It took longer than the caller waits, or than the service may; it may have been done."""

    code = "DEADLINE_EXCEEDED"
    grpc_status = "DEADLINE_EXCEEDED"


class UnavailableError(MulliganError):
    """A part of the system can't be reached now."""

    code = "UNAVAILABLE"
    grpc_status = "UNAVAILABLE"
    retryable = True


class HardwareError(MulliganError):
    """Hardware, an image or a medium did not do as asked, and asking again won't change that.

    `code` is one of the codes of the activity that raised it, such as IMAGE_CHECKSUM_MISMATCH,
    IMAGE_FORMAT_MISMATCH, IMAGE_TOO_LARGE, URL_NOT_ALLOWED, BMC_CREDENTIALS_REFUSED,
    CAPABILITY_NOT_OFFERED.
    """

    code = "HARDWARE"
    grpc_status = "FAILED_PRECONDITION"


class HardwareBusyError(HardwareError):
    """Hardware is busy or did not answer (BMC_UNREACHABLE, ...); a later try may succeed."""

    code = "HARDWARE_BUSY"
    grpc_status = "UNAVAILABLE"
    retryable = True
