"""What the command itself finds fault with, and how every error is put to a person."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mulligan_client.exits import Exit

if TYPE_CHECKING:
    from mulligan_client.errors import MulliganCallError

_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+(\.[\w-]*)?")
_BEARER = re.compile(r"(?i)\b(bearer\s+)\S+")
_USERINFO = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")
_SHORTEST_SECRET = 4
_CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)

_REMEDIES = {
    "UNAUTHENTICATED": "log in: mulligan login",
    "PERMISSION_DENIED": "ask an administrator for a role: mulligan role assign",
    "UNAVAILABLE": "try again in a moment; asked for with the same request id it is done only once",
    "DEADLINE_EXCEEDED": "look whether it was done (list), then try again",
    "ABORTED": "somebody else changed it at the same time; try again",
    "NOT_FOUND": "look at what there is with `list`; another project's objects are not shown",
    "ALREADY_EXISTS": "take another name, or look at the one that is there with `show`",
    "RESOURCE_EXHAUSTED": "ask for less, wait, or add a host or server",
    "INVALID_ARGUMENT": "correct the value and try again",
    "FAILED_PRECONDITION": "`show` tells in which state it is and what happens next",
    "UNIMPLEMENTED": "use the client of the server's release",
    "INTERNAL": "that is a bug in the server; its log has the request id",
    "UNKNOWN": "that is a bug in the server; its log has the request id",
}


class ComplaintError(Exception):
    """The command can't go on, for a reason that it found by itself."""

    def __init__(self, message: str, *, do: str = "", exit_code: Exit = Exit.REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.do = do
        self.exit_code = exit_code


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Take tokens, passwords in URLs and the given secrets out of a text."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "[redacted]")
    text = _JWT.sub("[redacted]", text)
    text = _BEARER.sub(r"\1[redacted]", text)
    return _USERINFO.sub(r"\1:[redacted]@", text)


def plain(text: str) -> str:
    """Take control characters out of what a machine or server said: it must not drive terminals."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def call_error_lines(error: "MulliganCallError") -> list[str]:
    """Say what went wrong, why, what to do, and under which request id."""
    about = []
    if error.field:
        about.append(f"field {error.field}")
    if error.object_type or error.object_id:
        about.append(f"{error.object_type} {error.object_id}".strip())
    what, do = _what_and_do(error)
    lines = [f"Error: {what}", *(f"Also:  {other}" for other in error.others)]
    lines.append(f"Why:   {error.code}" + (f" ({', '.join(about)})" if about else ""))
    if do:
        lines.append(f"Do:    {do}")
    lines.append(f"Request id: {error.request_id or 'none, nothing was asked to change'}")
    return lines


def _what_and_do(error: "MulliganCallError") -> tuple[str, str]:
    """Part the server's sentence: what to do stands behind its last semicolon.

    An explanation parts its constraints with semicolons, and stays whole.
    """
    do = _REMEDIES.get(error.grpc_status, "")
    if error.retry_after_s:
        do = f"try again in {error.retry_after_s:.0f} s"
    if "earliest" in error.details:
        return error.message, _instead(error)
    what, parted, remedy = error.message.rpartition("; ")
    return (what, remedy) if parted else (error.message, do)


def _instead(error: "MulliganCallError") -> str:
    """Say what to do instead of asking for what does not fit, and when it would."""
    ways = ["ask for less", "add a host or server"]
    if error.object_type == "network":
        ways = [
            "take another network",
            "leave the address to its DHCP server (--network NAME:dhcp)",
        ]
    start = _start(error.details.get("earliest", ""))
    if start and start > datetime.now(UTC):
        ways.insert(0, f"start at {start:%Y-%m-%dT%H:%M:%SZ} or later")
    return ", or ".join(ways)


def _start(text: str) -> datetime | None:
    """Read a start that a server told, in UTC and whole seconds; None for what is none."""
    try:
        start = datetime.fromisoformat(text).astimezone(UTC)
        return start + timedelta(seconds=1) if start.microsecond else start
    except (ValueError, OverflowError):
        return None


def complaint_lines(complaint: ComplaintError) -> list[str]:
    """Say what went wrong and what to do."""
    lines = [f"Error: {complaint.message}"]
    if complaint.do:
        lines.append(f"Do:    {complaint.do}")
    return lines
