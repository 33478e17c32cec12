"""Which objects a caller can see, whatever their type."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.orm import Session

from mulligan.control.objects import known
from mulligan.meta.objects import Known, Wanted
from mulligan.values.caller import Caller
from mulligan.values.errors import NotFoundError

INSTALLATION_TYPES = ("account", "project", "region")
"""What belongs to the whole installation is named in iam's database, and copied."""

TENANT_TYPES = ("machine", "claim")
OPEN_TYPES = (*INSTALLATION_TYPES, "network", "image")
"""What is not of a project, and known without a role in its region by who sees that: accounts and
projects are looked at one by one.
"""


class Placed(Protocol):
    """What says whose an object is."""

    @property
    def id(self) -> str:
        """UUID."""

    @property
    def object_type(self) -> str:
        """machine, server, ..."""

    @property
    def project(self) -> str | None:
        """UUID of the project that owns it."""

    @property
    def region(self) -> str | None:
        """UUID of the region in which it lives."""


def visible(caller: Caller, row: Placed) -> bool:
    """Say whether a caller may know of an object."""
    if row.object_type == "account":
        return caller.has("reader") or row.id == caller.account
    if row.object_type == "project":
        return caller.has("reader", row.id)
    if row.project or row.object_type in TENANT_TYPES:
        return caller.has("reader", row.project or "")
    if row.object_type in OPEN_TYPES:
        return caller.sees(row.id if row.object_type == "region" else row.region or "")
    return caller.has_in("reader", row.region or "")


def seen(session: Session, caller: Caller, object_ids: Sequence[str]) -> list[Known]:
    """Give those of some objects that are there and that a caller can see, each once, in order."""
    found = known(session, [*dict.fromkeys(one.lower() for one in object_ids)])
    asked = (found.get(one) for one in dict.fromkeys(one.lower() for one in object_ids))
    return [one for one in asked if one is not None and visible(caller, one)]


def require_seen(session: Session, caller: Caller, object_ids: Sequence[str]) -> list[Known]:
    """Give objects that a caller can see, each once, in order.

    Raises:
        NotFoundError: one is not there, or the caller can't see it.
    """
    found = seen(session, caller, object_ids)
    there = {one.id for one in found}
    for one in object_ids:
        if one.lower() not in there:
            raise NotFoundError(
                f"there is no object {one} that you can see", object_type="object", object_id=one
            )
    return found


def wanted(caller: Caller, request: Any) -> Wanted:
    """Say to what a list by object_type, project and region is narrowed, for a caller."""
    every = caller.has("reader")
    return Wanted(
        projects=None if every else caller.projects or (),
        regions=caller.regions or (),
        hidden=caller.hidden_regions,
        open_types=[one for one in OPEN_TYPES if one not in ("account", "project")],
        account=caller.account,
        object_type=request.object_type,
        project=request.project.lower(),
        region=request.region.lower(),
    )
