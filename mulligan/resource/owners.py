"""Whose providers are: the top of a tree says it for all that is in it.

Only its owner, a project, and the projects below that in the tree of projects may use an owned
tree; one of nobody, all may. The owner changes under the lock of the top, which whoever claims from
the tree takes too: a claim is there before it is looked for, or is decided with the new owner.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from mulligan.database import one_of
from mulligan.iam.project_tree import chain_of, select_below
from mulligan.resource.occupation import not_lapsed
from mulligan.resource.tables import AllocationRow, ClaimRow, ProviderRow
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError


def refuse_on_child(provider: str) -> InvalidArgumentError:
    """Say that what is below another provider has no owner of its own."""
    return InvalidArgumentError(
        f"provider {provider} is below another one, and the top of its tree says whose it is; give "
        "the owner to that",
        field="project",
        object_type="provider",
        object_id=provider,
    )


def owners_of(session: Session, tops: Collection[str]) -> dict[str, str]:
    """Read the owners of the tops of trees; one that has none is not among them."""
    query = select(ProviderRow.id, ProviderRow.project).where(
        ProviderRow.id.in_(tops), ProviderRow.project.is_not(None)
    )
    return {top: str(owner) for top, owner in session.execute(query)}


def owners_of_providers(session: Session, providers: Collection[str]) -> dict[str, str]:
    """Read whose providers are by the tops of their trees; those of nobody are not among them."""
    query = select(ProviderRow.id, ProviderRow.root).where(ProviderRow.id.in_(providers))
    tops = {provider: root or provider for provider, root in session.execute(query).all()}
    owners = owners_of(session, set(tops.values()))
    return {provider: owners[top] for provider, top in tops.items() if top in owners}


def select_owned(project: str) -> Select[str]:
    """Select the providers of the trees that are a project's.

    Index: providers (project), providers (root).
    """
    tops = select(ProviderRow.id).where(ProviderRow.project == project, ProviderRow.root.is_(None))
    return select(ProviderRow.id).where(or_(ProviderRow.id.in_(tops), ProviderRow.root.in_(tops)))


def change_owners(
    session: Session,
    rows: Mapping[str, ProviderRow],
    wanted: Mapping[str, str],
    now: datetime,
) -> dict[str, str]:
    """Give tops of trees to projects; gives in words what became of each that changed.

    Args:
        session: a session.
        rows: the providers, locked.
        wanted: UUID of each one's owner from now on; "" for nobody.
        now: the present.

    Raises:
        FailedPreconditionError: USED_BY_OTHERS.
        InvalidArgumentError: one is below another provider, and would be another's than that.
    """
    tops = {one: owner for one, owner in wanted.items() if not rows[one].parent}
    changed = {one: owner for one, owner in tops.items() if owner != (rows[one].project or "")}
    for provider, owner in changed.items():
        rows[provider].project = owner or None
    _refuse_another_owner(session, {one: wanted[one] for one in wanted.keys() - tops.keys()})
    _refuse_if_used_by_others(session, {one: owner for one, owner in changed.items() if owner}, now)
    return {
        one: f"it is project {owner}'s now" if owner else "it is nobody's now"
        for one, owner in changed.items()
    }


def _refuse_another_owner(session: Session, children: Mapping[str, str]) -> None:
    """Refuse owners, by what is below another provider, that are not those of the tops.

    Raises:
        InvalidArgumentError: one is not.
    """
    owners = owners_of_providers(session, children) if children else {}
    for provider, wanted in sorted(children.items()):
        if wanted != owners.get(provider, ""):
            raise refuse_on_child(provider)


def _refuse_if_used_by_others(session: Session, wanted: Mapping[str, str], now: datetime) -> None:
    """Refuse owners, by tops, who would shut out who has something of a tree, now or later.

    A claim that is over, and after which a provider is only kept free, has nothing of it any more;
    a machine that is past its end has. One statement for each owner.
    Index: providers (id), providers (root), allocations (provider, resource_type, occupied_until),
    claims (id).

    Raises:
        FailedPreconditionError: USED_BY_OTHERS.
    """
    rows, tree, claims = (row.__table__.c for row in (AllocationRow, ProviderRow, ClaimRow))
    for owner in sorted(set(wanted.values())):
        top = func.coalesce(tree.root, tree.id)
        others = (
            select(top, func.count(rows.claim.distinct()))
            .join(tree.id.table, tree.id == rows.provider)
            .join(claims.id.table, claims.id == rows.claim)
            .where(
                or_(one_of(tree.id, "tops"), one_of(tree.root, "tops")),
                rows.occupied_until > now,
                or_(claims.planned_release_at > now, rows.occupied_until > rows.release_at),
                not_lapsed(AllocationRow, now),
                rows.project != owner,
                rows.project.not_in(select_below(owner)),
            )
            .group_by(top)
            .order_by(top)
            .limit(1)
        )
        tops = [one for one, its in wanted.items() if its == owner]
        for used, count in session.execute(others, {"tops": tops}).all():
            raise _used_by_others(used, count)


def _used_by_others(top: str, count: int) -> FailedPreconditionError:
    claims = "1 claim" if count == 1 else f"{count} claims"
    return FailedPreconditionError(
        f"{claims} of other projects, now or later, would be shut out of provider {top}; release "
        "them, or decommission their machines and cancel their reservations, and keep more from "
        "coming until then with a mark",
        code="USED_BY_OTHERS",
        field="project",
        object_type="provider",
        object_id=top,
        claims=str(count),
    )


def shut_out_of(session: Session, claim: str, project: str) -> str:
    """Which provider of a claim is of a tree that its project may not use; or "".

    So it comes to be only if somebody with a later clock took a hold for lapsed.
    Index: allocations (claim), providers (id).
    """
    top = aliased(ProviderRow)
    query = (
        select(ProviderRow.id, top.project)
        .join(AllocationRow, AllocationRow.provider == ProviderRow.id)
        .join(top, top.id == func.coalesce(ProviderRow.root, ProviderRow.id))
        .where(AllocationRow.claim == claim, top.project != project)
    )
    owned = session.execute(query).all()
    family = chain_of(session, project) if owned else []
    return next((provider for provider, owner in owned if owner not in family), "")


def follow_tops(
    session: Session,
    rows: Mapping[str, ProviderRow],
    before: Mapping[str, str],
    now: datetime,
) -> dict[str, str]:
    """Have what moved be of the owner of the tree in which it is now.

    What became a top stays its owner's. Gives in words what became of each that has another.

    Args:
        session: a session.
        rows: what moved, locked with the tops from which and to which it did.
        before: the top of each that moved, as of before.
        now: the present.

    Raises:
        FailedPreconditionError: a top that is a project's came under one that isn't; or
            USED_BY_OTHERS.
    """
    found = select(ProviderRow.id, ProviderRow.root).where(ProviderRow.id.in_(before))
    tops = {provider: root or provider for provider, root in session.execute(found).all()}
    owners = owners_of(session, {*before.values(), *tops.values()})
    for provider in (one for one, top in tops.items() if one == top):
        if its := rows[provider].project or owners.get(before[provider]):
            # What moves under it in the same call becomes that project's too.
            rows[provider].project = owners[provider] = its
    given = {}
    for provider, top in ((one, top) for one, top in tops.items() if one != top):
        was, becomes = owners.get(before[provider]), owners.get(top)
        if before[provider] == provider and was:
            if was != becomes:
                raise _other_owner(provider, was, top)
            rows[provider].project = None
        elif becomes and becomes != was:
            given[provider] = becomes
    _refuse_if_used_by_others(session, {tops[one]: owner for one, owner in given.items()}, now)
    return {one: f"it is project {owner}'s now" for one, owner in given.items()}


def _other_owner(provider: str, owner: str, top: str) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"provider {provider} is project {owner}'s, and the tree of provider {top} is not; take "
        "the owner away first, or give that tree the same one",
        field="under",
        object_type="provider",
        object_id=provider,
    )
