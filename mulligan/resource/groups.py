"""Groups: which providers belong together, and which share what they have with the members."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, delete, func, or_, select, union
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.batches import each
from mulligan.generations import refuse_stale
from mulligan.meta.listing import listed
from mulligan.renaming import rename
from mulligan.resource.differences import Key, difference, write_difference
from mulligan.resource.features import refuse_twice
from mulligan.resource.provider_changes import MOST_PROVIDERS
from mulligan.resource.tables import DistanceRow, GroupRow, MemberRow, ProviderRow, SharingRow
from mulligan.resource.values import check_id
from mulligan.values.errors import InvalidArgumentError, NotFoundError
from mulligan.values.listing import Listed, Listing


@dataclass(frozen=True)
class MembersChange:
    """What is to become of a group's providers; adding who is there, removing who isn't, is fine.

    Raises:
        InvalidArgumentError: an id can't be one, or is added and removed; both ways are used; or
            there are too many.
    """

    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    replace: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.replace is not None and (self.add or self.remove):
            raise InvalidArgumentError(
                "members are replaced or changed one by one; decide on one way", field="members"
            )
        if len(self.given) + len(self.remove) > MOST_PROVIDERS:
            raise InvalidArgumentError(
                f"name {MOST_PROVIDERS} providers at most in one call", field="members"
            )
        for name in ("add", "remove", "replace"):
            ids = getattr(self, name)
            if ids is not None:
                checked = tuple(check_id(one, field=f"members.{name}") for one in ids)
                object.__setattr__(self, name, checked)
        refuse_twice("members", self.add, self.remove)

    @property
    def given(self) -> list[str]:
        """Who it puts in."""
        return [*self.add, *(self.replace or ())]

    def applied_to(self, now: Collection[str]) -> set[str]:
        """Give who is in it afterwards."""
        if self.replace is not None:
            return set(self.replace)
        return (set(now) | set(self.add)) - set(self.remove)


NOTHING = MembersChange()


@dataclass(frozen=True)
class GroupChange:
    """What is to become of a group: its members, those who share with them, and its name."""

    members: MembersChange = NOTHING
    sharing: MembersChange = NOTHING
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group: how many members it has, and who shares with them."""

    id: str
    region: str
    members: int
    sharing: tuple[str, ...]
    generation: int
    created_at: datetime


def create_group(
    session: Session,
    *,
    id: str,  # noqa: A002 (the word of every Create)
    region: str,
    change: GroupChange,
    author: str | None = None,
    now: datetime,
) -> Group:
    """Make a group of providers of a region.

    Raises:
        InvalidArgumentError: a provider is not there, or in another region.
    """
    row = GroupRow(
        id=check_id(id, field="id"), region=check_id(region, field="region"), created_at=now
    )
    session.add(row)
    session.flush()
    words = _apply(session, row, change)
    _tell(session, row, "created", words, author, now)
    return _complete(session, [row])[0]


def change_group(
    session: Session,
    group: str,
    change: GroupChange,
    *,
    generation: int = 0,
    author: str | None = None,
    now: datetime,
) -> Group:
    """Change who is in a group, who shares, and its name; what changes nothing is no change.

    Raises:
        InvalidArgumentError: a provider is not there, or in another region.
        NotFoundError: there is no such group.
        StaleError: it is not at that generation any more (0: whatever it is at).
    """
    row = _lock(session, group)
    refuse_stale(session, "group", row.id, generation=row.generation, read_at=generation)
    if change.name is not None:
        rename(session, "group", row, change.name, author=author)
    words = _apply(session, row, change)
    if words:
        row.generation += 1
        session.flush()
        _tell(session, row, "updated", words, author, now)
    return _complete(session, [row])[0]


def delete_group(session: Session, group: str, *, author: str | None = None, now: datetime) -> None:
    """Delete a group with its distances; its providers stay.

    Raises:
        NotFoundError: there is no such group.
    """
    row = _lock(session, group)
    for table in (MemberRow, SharingRow):
        session.execute(delete(table).where(table.group == row.id))
    of = or_(DistanceRow.a == row.id, DistanceRow.b == row.id)
    session.execute(delete(DistanceRow).where(of))
    session.delete(row)
    session.flush()
    _tell(session, row, "deleted", "", author, now)


def get_group(session: Session, group: str) -> Group:
    """Read a group.

    Raises:
        NotFoundError: there is no such group.
    """
    return get_groups(session, [check_id(group, field="id")])[0]


def get_groups(session: Session, ids: Sequence[str]) -> list[Group]:
    """Read groups, in the order of their ids; as `get_group` does one."""

    def get(group: str) -> GroupRow:
        row = session.get(GroupRow, group)
        if row is None:
            raise no_group(group)
        return row

    return _complete(session, each(session, GroupRow, ids, get))


def list_groups(
    session: Session, *, region: str = "", provider: str = "", listing: Listing | None = None
) -> Listed[Group]:
    """Read a page of groups.

    Args:
        session: a session.
        region: only in this region.
        provider: only those that it is a member of.
        listing: in which order, and which page; by default the first by id.
    """
    query = select(GroupRow)
    if provider:
        member = check_id(provider, field="provider")
        of = select(MemberRow.group).where(MemberRow.provider == member)
        query = query.where(GroupRow.id.in_(of))
    page = listed(
        *(session, query, GroupRow, listing or Listing()),
        object_types=["group"],
        owner=check_id(region, field="region") if region else None,
        owned_by=GroupRow.region,
        whole=not provider,
    )
    return page.of(_complete(session, page.items))


def groups_of(session: Session, providers: Collection[str]) -> tuple[dict[str, list[str]], ...]:
    """Read of many providers which groups they are in, and with which they share."""
    found: list[dict[str, list[str]]] = []
    for table in (MemberRow, SharingRow):
        query = select(table.provider, table.group).where(table.provider.in_(providers))
        groups: dict[str, list[str]] = defaultdict(list)
        for provider, group in session.execute(query.order_by(table.group)):
            groups[provider].append(group)
        found.append(groups)
    return tuple(found)


def belonging(which: ColumnElement[bool] | None = None) -> CTE:
    """Which provider belongs to which group: itself, or by what is above it, with who shares.

    Columns group and provider, each pair once. Index: group_members and sharing_providers (group),
    providers (parent).

    Args:
        which: of the groups whose rows meet this; None for all.
    """
    groups = select(GroupRow.id) if which is None else select(GroupRow.id).where(which)
    members, sharing = (
        select(table.group, table.provider).where(table.group.in_(groups))
        for table in (MemberRow, SharingRow)
    )
    named = union(members, sharing).subquery("named")
    name = "belonging" if which is None else "belonging_there"
    start = select(named.c.group, named.c.provider).cte(name, recursive=True)
    rows = ProviderRow.__table__.c
    below = select(start.c.group, rows.id).join(start, rows.parent == start.c.provider)
    return start.union(below)


def no_group(group: str) -> NotFoundError:
    """Say that there is no such group."""
    return NotFoundError(f"there is no group {group}", object_type="group", object_id=group)


def _lock(session: Session, group: str) -> GroupRow:
    known = check_id(group, field="id")
    query = select(GroupRow).where(GroupRow.id == known).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise no_group(group)
    return row


def _apply(session: Session, row: GroupRow, change: GroupChange) -> str:
    """Write who is in and who shares; give in words what changed."""
    _require_providers(session, {*change.members.given, *change.sharing.given}, row.region)
    said = []
    for table, wanted, words in (
        (MemberRow, change.members, "members"),
        (SharingRow, change.sharing, "sharing providers"),
    ):
        if wanted == NOTHING:
            continue
        now = set(session.scalars(select(table.provider).where(table.group == row.id)))
        after = wanted.applied_to(now)
        changed = difference(_keyed(row.id, now), _keyed(row.id, after))
        write_difference(session, table, ("group", "provider"), changed)
        if changed:
            counts = f"{len(changed.added)} added, {len(changed.removed)} removed"
            said.append(f"{words}: {counts}, {len(after)} now")
    return "; ".join(said)


def _keyed(group: str, providers: Collection[str]) -> dict[Key, Mapping[str, Any]]:
    return {(group, provider): {} for provider in sorted(providers)}


def _require_providers(session: Session, providers: Collection[str], region: str) -> None:
    if not providers:
        return
    known = select(ProviderRow.id).where(
        ProviderRow.id.in_(providers), ProviderRow.region == region
    )
    stays = known.order_by(ProviderRow.id).with_for_update(read=True, key_share=True)
    missing = set(providers) - set(session.scalars(stays))
    if missing:
        raise InvalidArgumentError(
            f"there is no provider {min(missing)} in region {region}; a group is of one region",
            field="members",
        )


def _complete(session: Session, rows: Sequence[GroupRow]) -> list[Group]:
    ids = [row.id for row in rows]
    counting = select(MemberRow.group, func.count()).where(MemberRow.group.in_(ids))
    counts: dict[str, int] = dict(session.execute(counting.group_by(MemberRow.group)).all())
    query = select(SharingRow.group, SharingRow.provider).where(SharingRow.group.in_(ids))
    sharing: dict[str, list[str]] = defaultdict(list)
    for group, provider in session.execute(query.order_by(SharingRow.provider)):
        sharing[group].append(provider)
    return [
        Group(
            row.id,
            row.region,
            counts.get(row.id, 0),
            tuple(sharing[row.id]),
            row.generation,
            row.created_at,
        )
        for row in rows
    ]


def _tell(
    session: Session, row: GroupRow, kind: str, words: str, author: str | None, now: datetime
) -> None:
    generation = None if kind == "deleted" else row.generation
    event = events.Event(
        "group", row.id, kind, region=row.region, author=author, message=words,
        generation=generation, at=now,
    )  # fmt: skip
    events.append(session, event)
