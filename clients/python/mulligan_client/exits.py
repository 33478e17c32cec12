"""The exit codes of the `mulligan` command; they never change their meaning."""

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it brings gRPC, which `mulligan --help` has no use for
    from mulligan_client.errors import MulliganCallError


class Exit(IntEnum):
    """What a script can tell from `$?`."""

    OK = 0
    OPERATION_FAILED = 1
    USAGE = 2
    FALLBACK = 3
    REFUSED = 4
    NOT_FOUND = 5
    NO_CAPACITY = 6
    NOT_ALLOWED = 7
    UNAVAILABLE = 8
    BROKEN = 9
    DETACHED = 130


MEANINGS = {
    Exit.OK: "done, or asked for",
    Exit.OPERATION_FAILED: "the operation that was waited for failed or was cancelled",
    Exit.USAGE: "the command line can't be understood",
    Exit.FALLBACK: "`make run` only: worked, but without real machines",
    Exit.REFUSED: "the request is invalid, or the object's state does not allow it",
    Exit.NOT_FOUND: "no such object, or another project's",
    Exit.NO_CAPACITY: "nothing fits",
    Exit.NOT_ALLOWED: "not logged in, or the role does not reach this far",
    Exit.UNAVAILABLE: "the server, or a part behind it, does not answer now",
    Exit.BROKEN: "a bug, here or in the server",
    Exit.DETACHED: "interrupted with Ctrl-C; what was asked for goes on",
}

_BY_STATUS = {
    "INVALID_ARGUMENT": Exit.REFUSED,
    "OUT_OF_RANGE": Exit.REFUSED,
    "ALREADY_EXISTS": Exit.REFUSED,
    "FAILED_PRECONDITION": Exit.REFUSED,
    "NOT_FOUND": Exit.NOT_FOUND,
    "RESOURCE_EXHAUSTED": Exit.NO_CAPACITY,
    "UNAUTHENTICATED": Exit.NOT_ALLOWED,
    "PERMISSION_DENIED": Exit.NOT_ALLOWED,
    "UNAVAILABLE": Exit.UNAVAILABLE,
    "DEADLINE_EXCEEDED": Exit.UNAVAILABLE,
    "ABORTED": Exit.UNAVAILABLE,
}


def exit_for(error: "MulliganCallError") -> Exit:
    """Say with which code a command ends when a call failed so."""
    if error.code == "RATE_LIMITED":  # there may be room, but not for so many questions
        return Exit.UNAVAILABLE
    if error.code == "STALE_GENERATION":  # ABORTED too, but the same once more is no use
        return Exit.REFUSED
    return _BY_STATUS.get(error.grpc_status, Exit.BROKEN)
