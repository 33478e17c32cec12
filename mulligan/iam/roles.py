"""Roles: who may do what, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.database import one_of
from mulligan.iam import objects
from mulligan.iam.tables import Account, Assignment, Project, Region
from mulligan.meta import names
from mulligan.values.caller import ROLES, SYSTEM, Caller
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError

MOST_ROLES = 64
"""Roles of one account: with more its token would grow beyond what a call's metadata may have.

gRPC's servers refuse metadata of more than 8 KiB at random, and of more than 16 KiB always; in a
token a role takes 69 bytes.
"""

MOST_IN_ONE_TREE = 32
"""Of these on projects under one top, or regions: one tenant must not use up what others need."""


@dataclass(frozen=True, slots=True)
class Held:
    """A role of an account on a project, on a region or, without either, on the system."""

    account: str
    role: str
    project: str = ""
    region: str = ""

    @property
    def place(self) -> str:
        """UUID of the project or region; SYSTEM for the system."""
        return self.project or self.region or SYSTEM

    def __str__(self) -> str:
        where = "the project" if self.project else "the region" if self.region else "the system"
        return f"{self.role} of {where}"


def assign_role(
    session: Session,
    account: str,
    role: str,
    project: str = "",
    region: str = "",
    *,
    author: str | None = None,
) -> Held:
    """Give an account a role on a place, instead of the one that it has there.

    Raises:
        InvalidArgumentError: there is no such role, or two places are named.
        NotFoundError: there is no such account, project or region.
        FailedPreconditionError: LAST_ADMIN or TOO_MANY_ROLES.
    """
    if role not in ROLES:
        raise InvalidArgumentError(
            f"there is no role {role!r}; there are {', '.join(ROLES)}", field="role"
        )
    refuse_two_places(project, region)
    given = Held(
        # Locked, so that of several roles given at once each is counted.
        objects.lock(session, Account, account).id,
        role,
        objects.keep(session, Project, project).id if project else "",
        objects.keep(session, Region, region).id if region else "",
    )
    if given.place == SYSTEM and role != "admin":
        refuse_last_admin(session, given.account)
    _refuse_too_many(session, given)
    now = datetime.now(UTC)
    session.merge(Assignment(account=given.account, place=given.place, role=role, created_at=now))
    _tell(session, given, f"is {given} now", author)
    return given


def revoke_role(
    session: Session,
    account: str,
    project: str = "",
    region: str = "",
    *,
    author: str | None = None,
) -> Held:
    """Take the role away that an account has on a place itself.

    Raises:
        InvalidArgumentError: two places are named.
        NotFoundError: it has none there.
        FailedPreconditionError: LAST_ADMIN.
    """
    refuse_two_places(project, region)
    place = project or region or SYSTEM
    if place == SYSTEM:
        refuse_last_admin(session, account)
    found = (
        session.get(Assignment, (account, place), with_for_update=True)
        if names.is_uuid(account)
        else None
    )
    if found is None:
        raise NotFoundError(
            f"account {account} has no role of its own there; see `mulligan role list`",
            object_type="assignment",
            object_id=account,
            field="account",
        )
    held = Held(found.account, found.role, place if project else "", place if region else "")
    session.delete(found)
    _tell(session, held, f"is no longer {held}", author)
    return held


def revoke_all_on(
    session: Session, *, project: str = "", region: str = "", author: str | None = None
) -> None:
    """Take all roles away that are held on a place that ends."""
    query = select(Assignment).where(Assignment.place == (project or region))
    for found in session.scalars(query.order_by(Assignment.account).with_for_update()):
        session.delete(found)
        held = Held(found.account, found.role, project, region)
        _tell(session, held, f"is no longer {held}, which is deleted", author)


def revoke_all_of(session: Session, account: str) -> None:
    """Take all roles away from an account that ends.

    Raises:
        FailedPreconditionError: LAST_ADMIN.
    """
    refuse_last_admin(session, account)
    query = select(Assignment).where(Assignment.account == account)
    for found in session.scalars(query.order_by(Assignment.place).with_for_update()):
        session.delete(found)


def list_roles(
    session: Session,
    caller: Caller,
    *,
    account: str = "",
    place: str = "",
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[Held]:
    """List roles by account and place: the caller's own, and those on places that it administers.

    Args:
        session: a session.
        caller: who asks.
        account: only of this account.
        place: only on this project or region.
        after: account and place of the last one of the page before.
        limit: at most this many.
    """
    query = select(Assignment).order_by(Assignment.account, Assignment.place).limit(limit)
    administered = caller.places_with("admin")
    if administered is not None:
        own = Assignment.account == caller.account
        query = query.where(or_(own, one_of(Assignment.__table__.c.project, "places")))
    if account:
        query = query.where(Assignment.account == account)
    if place:
        query = query.where(Assignment.place == place)
    if after:
        last, last_place = after
        same = and_(Assignment.account == last, Assignment.place > last_place)
        query = query.where(or_(Assignment.account > last, same))
    return as_held(session, list(session.scalars(query, {"places": administered or ()})))


def refuse_last_admin(session: Session, account: str) -> None:
    """Refuse to take away what makes an account the last user who administers the system.

    The roles that make administrators are locked: of two that would go together one waits, and
    sees then that it is the last.

    Raises:
        FailedPreconditionError: LAST_ADMIN.
    """
    admins = select(Assignment.account).where(
        Assignment.place == SYSTEM, Assignment.role == "admin"
    )
    held = list(session.scalars(admins.order_by(Assignment.account).with_for_update()))
    if account not in held:
        return
    others = select(Account.id).where(
        Account.id.in_(held), Account.id != account, Account.type == "user", ~Account.disabled
    )
    if session.scalar(others.limit(1)) is None:
        raise FailedPreconditionError(
            f"account {account} is the last administrator of the system; make another one first: "
            "`mulligan role assign ACCOUNT admin --system`",
            code="LAST_ADMIN",
            object_type="account",
            object_id=account,
        )


def _refuse_too_many(session: Session, given: Held) -> None:
    query = select(Assignment.place).where(
        Assignment.account == given.account, Assignment.place != given.place
    )
    others = list(session.scalars(query))
    places = {*others, given.place} - {SYSTEM}
    above = {one.id: one.parent for one in objects.chains(session, places)}

    def top(place: str) -> str:
        while parent := above.get(place):
            place = parent
        return place

    beside = sum(top(place) == top(given.place) for place in others)
    for count, most, where in (
        (len(others), MOST_ROLES, ""),
        (beside, MOST_IN_ONE_TREE, " on what has the same place at the top"),
    ):
        if count >= most:
            raise FailedPreconditionError(
                f"account {given.account} has {most} roles{where} already, and none more can be "
                "given; give one on a place above instead, or take others away with "
                "`mulligan role revoke`",
                code="TOO_MANY_ROLES",
                object_type="account",
                object_id=given.account,
            )


def refuse_two_places(project: str, region: str) -> None:
    """Refuse a role on a project and on a region at once.

    Raises:
        InvalidArgumentError: both are named.
    """
    if project and region:
        raise InvalidArgumentError(
            "a role is held on a project or on a region; name one of them, or none for the whole "
            "system",
            field="region",
        )


def as_held(session: Session, rows: Sequence[Assignment]) -> list[Held]:
    """Say of assignments whether they are on projects or regions."""
    places = [row.place for row in rows if row.place != SYSTEM]
    regions = set(session.scalars(select(Region.id).where(Region.id.in_(places))))
    return [
        Held(row.account, row.role, region=row.place)
        if row.place in regions
        else Held(row.account, row.role, row.place)
        for row in rows
    ]


def _tell(session: Session, held: Held, words: str, author: str | None) -> None:
    events.append(
        session,
        events.Event(
            "account",
            held.account,
            "role",
            project=held.project or None,
            region=held.region or None,
            author=author,
            message=words,
        ),
    )
