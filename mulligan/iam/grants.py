"""What a token of an account allows as of now: a user's roles, or less for a program of theirs."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.iam import objects
from mulligan.iam.tables import Account, ApplicationCredential, Assignment
from mulligan.values.caller import ROLES, SYSTEM, Caller
from mulligan.values.errors import UnauthenticatedError
from mulligan.values.places import PlaceTree, RegionTree


@dataclass(frozen=True)
class Grant:
    """Roles by place; of an application credential also its limits, empty where there are none."""

    roles: dict[str, str]
    application: bool = False
    methods: list[str] = field(default_factory=list)
    region: str = ""
    ends_at: datetime | None = None


@dataclass(frozen=True)
class _Trees:
    """The places that matter here."""

    projects: PlaceTree = field(default_factory=PlaceTree)
    regions: RegionTree = field(default_factory=RegionTree)


def grant_of(session: Session, account: str, now: datetime) -> Grant:
    """Read what an account may.

    Raises:
        UnauthenticatedError: an application credential that is over, or whose creator is.
    """
    refuse_over(session, account, now)
    held = _roles_of(session, account)
    trees = _trees(session, held)
    limits = session.get(ApplicationCredential, account)
    if limits is None:
        return Grant(_needed(held, trees))
    roles = _needed(_shared(held, _roles_of(session, limits.creator), trees), trees)
    return Grant(roles, True, limits.methods, limits.region or "", limits.expires_at)


def refuse_over(session: Session, account: str, now: datetime) -> None:
    """Refuse an application credential that is over, or whose creator is; users never are.

    Raises:
        UnauthenticatedError: CREDENTIAL_OVER.
    """
    limits = session.get(ApplicationCredential, account)
    if limits is None:
        return
    creator = session.get(Account, limits.creator)
    if creator is None or creator.disabled:
        raise _over("the account that made it is disabled or deleted")
    if limits.expires_at is not None and now >= limits.expires_at:
        raise _over(f"it ended {limits.expires_at:%Y-%m-%d %H:%M} UTC")


def _shared(held: dict[str, str], theirs: dict[str, str], trees: _Trees) -> dict[str, str]:
    """Cut roles down to those that the creator has there, too, or above."""
    shared: dict[str, str] = {}
    for place, role in held.items():
        both = [one for one in ROLES[: ROLES.index(role) + 1] if _has(theirs, trees, one, place)]
        if both:
            shared[place] = both[-1]
    return shared


def _needed(held: dict[str, str], trees: _Trees) -> dict[str, str]:
    """Leave out what a role above includes already: a token goes with each call."""
    return {
        place: role
        for place, role in held.items()
        if not _has({one: held[one] for one in held if one != place}, trees, role, place)
    }


def _has(roles: dict[str, str], trees: _Trees, role: str, place: str) -> bool:
    caller = Caller("", roles, project_tree=trees.projects, region_tree=trees.regions)
    return caller.has_in(role, place) if place in trees.regions else caller.has(role, place)


def _trees(session: Session, held: Collection[str]) -> _Trees:
    """Read the places on which roles are held, and those above them."""
    trees = _Trees()
    for known in objects.chains(session, [place for place in held if place != SYSTEM]):
        tree = trees.projects if known.type == "project" else trees.regions
        tree.add(known.id, known.parent)
    return trees


def _roles_of(session: Session, account: str) -> dict[str, str]:
    own = session.scalars(select(Assignment).where(Assignment.account == account))
    return {assignment.place: assignment.role for assignment in own}


def _over(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"the application credential is no longer good: {why}; make another one with `mulligan "
        "app-credential create`",
        code="CREDENTIAL_OVER",
    )
