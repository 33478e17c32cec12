"""What a service has to be for a request: a newer one's fields are not sent to an older one."""

from typing import Any

from mulligan_client.errors import MulliganCallError
from mulligan_client.methods import Method, Newer, Retry
from mulligan_client.paths import holders

VERSION_KEY = "mulligan-version"
"""Each answer of a service has its version in its trailing metadata."""

HEALTH = Method("/grpc.health.v1.Health/Check", Retry.READ, anonymous=True)
"""Answered by every service, without a token: from it comes the version of one not yet called."""


def needs(method: Method, request: Any) -> tuple[str, str]:
    """Tell which version of its service a request needs, and for what; empty: any version."""
    needed = [(method.since, method.name)] if method.since else []
    needed += [
        (one.since, f"{method.name} with {'.'.join(one.path)}")
        for one in method.newer
        if _is_set(request, one) or _is_masked(request, one)
    ]
    return max(needed, key=lambda one: _release(one[0]), default=("", ""))


def is_older(version: str, other: str) -> bool:
    """Compare two versions; an empty one is older than all others."""
    return _release(version) < _release(other)


def newer_needed(
    method: Method, needed: tuple[str, str], version: str, address: str
) -> MulliganCallError:
    """Say what a service of some version is too old for."""
    since, what = needed
    return MulliganCallError(
        code="NEEDS_NEWER_SERVICE",
        grpc_status="FAILED_PRECONDITION",
        message=f"{what} needs {method.service} ≥ {since} (the one at {address} is {version}); "
        "leave it out, or have the service updated",
        details={"service": method.service, "since": since, "version": version},
    )


def _is_set(request: Any, newer: Newer) -> bool:
    name = newer.path[-1]
    for holder in holders(request, newer.path):
        if newer.value is None:
            if any(field.name == name for field, _ in holder.ListFields()):
                return True
        else:
            value = getattr(holder, name)
            if newer.value in ([value] if isinstance(value, int) else value):
                return True
    return False


def _is_masked(request: Any, newer: Newer) -> bool:
    """Tell whether the request is to change a field, if only to take its value away."""
    if newer.value is not None or "update_mask" not in request.DESCRIPTOR.fields_by_name:
        return False
    path = ".".join(newer.path)
    return any(one == path or one.startswith(f"{path}.") for one in request.update_mask.paths)


def _release(version: str) -> tuple[int, ...]:
    """Read the numbers of a version; 0.2.0rc1 counts as 0.2.0, and so does 0.2."""
    if not version:
        return ()
    numbers = []
    for part in f"{version}.0.0".split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        numbers.append(int(digits or 0))
    return tuple(numbers)
