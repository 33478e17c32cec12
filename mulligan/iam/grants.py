"""What a token of an account allows as of now: a user's roles, or less for a program of theirs."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.iam import objects
from mulligan.iam.tables import Account, ApplicationCredential, Assignment
from mulligan.values.caller import ROLES, Caller
from mulligan.values.errors import UnauthenticatedError
from mulligan.values.places import PlaceTree


@dataclass(frozen=True)
class Grant:
    """Roles by place; of an application credential also its limits, empty where there are none."""

    roles: dict[str, str]
    application: bool = False
    methods: list[str] = field(default_factory=list)
    region: str = ""
    ends_at: datetime | None = None


def grant_of(session: Session, account: str, now: datetime) -> Grant:
    """Read what an account may.

    Raises:
        UnauthenticatedError: an application credential that is over, or whose creator is.
    """
    held = _roles_of(session, account)
    limits = session.get(ApplicationCredential, account)
    if limits is None:
        return Grant(held)
    creator = session.get(Account, limits.creator)
    if creator is None or creator.disabled:
        raise _over("the account that made it is disabled or deleted")
    if limits.expires_at is not None and now >= limits.expires_at:
        raise _over(f"it ended {limits.expires_at:%Y-%m-%d %H:%M} UTC")
    roles = _shared(session, held, limits.creator)
    return Grant(roles, True, limits.methods, limits.region or "", limits.expires_at)


def _shared(session: Session, held: dict[str, str], creator: str) -> dict[str, str]:
    """Cut roles down to those that the creator has there, too, or above."""
    trees = {"project": PlaceTree(), "region": PlaceTree()}
    for known in objects.places(session):
        if not known.ended:
            trees[known.type].add(known.id, known.parent)
    theirs = Caller(
        creator,
        _roles_of(session, creator),
        project_tree=trees["project"],
        region_tree=trees["region"],
    )
    shared: dict[str, str] = {}
    for place, role in held.items():
        has = theirs.has_in if place in trees["region"] else theirs.has
        both = [one for one in ROLES[: ROLES.index(role) + 1] if has(one, place)]
        if both:
            shared[place] = both[-1]
    return shared


def _roles_of(session: Session, account: str) -> dict[str, str]:
    own = session.scalars(select(Assignment).where(Assignment.account == account))
    return {assignment.place: assignment.role for assignment in own}


def _over(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"the application credential is no longer good: {why}; make another one with `mulligan "
        "app-credential create`",
        code="CREDENTIAL_OVER",
    )
