"""Trees of providers: who is below whom, and moves that never close a circle.

Whatever changes a tree's shape locks its top first (with everything else, by id), so two moves that
together would close a circle wait for each other.
"""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mulligan.resource.tables import ProviderRow
from mulligan.values.errors import (
    ConflictError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)


def no_provider(provider: str) -> NotFoundError:
    """Say that there is no such provider."""
    return NotFoundError(
        f"there is no provider {provider}", object_type="provider", object_id=provider
    )


def lock_providers(session: Session, providers: Collection[str]) -> dict[str, ProviderRow]:
    """Read providers' rows and keep others from changing them or claiming from them.

    Raises:
        NotFoundError: one is not there.
    """
    query = select(ProviderRow).where(ProviderRow.id.in_(providers)).order_by(ProviderRow.id)
    found = session.scalars(query.with_for_update().execution_options(populate_existing=True))
    rows = {row.id: row for row in found}
    missing = set(providers) - rows.keys()
    if missing:
        raise no_provider(min(missing))
    return rows


def lock_trees(session: Session, providers: Collection[str]) -> dict[str, ProviderRow]:
    """Lock providers and the tops of their trees, so that nothing there can move.

    Raises:
        ConflictError: one was moved to another tree meanwhile.
        NotFoundError: one is not there.
    """
    known = select(ProviderRow.id, ProviderRow.root).where(ProviderRow.id.in_(providers))
    roots: dict[str, str | None] = dict(session.execute(known).all())
    rows = lock_providers(session, {*providers, *(root for root in roots.values() if root)})
    for provider, root in roots.items():
        if rows[provider].root != root:
            raise ConflictError(f"provider {provider} was moved meanwhile")
    return rows


def check_parent(rows: Mapping[str, ProviderRow], parent: str, region: str) -> ProviderRow:
    """Give the row of a parent.

    Raises:
        InvalidArgumentError: it is not there, or in another region.
    """
    row = rows.get(parent)
    if row is None or row.region != region:
        raise InvalidArgumentError(
            f"there is no provider {parent} in region {region} to be the parent", field="parent"
        )
    return row


def existing(session: Session, providers: Iterable[str]) -> set[str]:
    """Pick those ids that are providers'."""
    ids = set(providers)
    found = select(ProviderRow.id).where(ProviderRow.id.in_(ids)) if ids else None
    return set(session.scalars(found)) if found is not None else set()


def move_providers(
    session: Session, rows: Mapping[str, ProviderRow], moves: Mapping[str, str]
) -> None:
    """Put providers, with all that is below them, under others; "" makes one the top of a tree.

    Args:
        session: a session.
        rows: what `lock_trees` gave for all that move and all that they move to.
        moves: the new parent of each.

    Raises:
        FailedPreconditionError: one would be below itself.
        InvalidArgumentError: a parent is in another region.
    """
    for provider, parent in moves.items():
        if parent:
            check_parent(rows, parent, rows[provider].region)
    parents = _upwards(session, [parent for parent in moves.values() if parent])
    parents |= {provider: parent or None for provider, parent in moves.items()}
    for provider in moves:
        _refuse_circle(provider, parents)
    for provider, parent in moves.items():
        rows[provider].parent = parent or None
    session.flush()
    below = _downwards(session, moves)
    parents |= below
    tops = _tops(parents)
    changed = [
        {"id": provider, "root": None if tops[provider] == provider else tops[provider]}
        for provider in below
    ]
    session.execute(update(ProviderRow), changed)


def _refuse_circle(provider: str, parents: Mapping[str, str | None]) -> None:
    passed, above = {provider}, parents[provider]
    while above is not None and above not in passed:
        passed.add(above)
        above = parents[above]
    if above is not None:
        raise FailedPreconditionError(
            f"provider {provider} can't be put under {parents[provider]}: it would be below "
            "itself; move what is between them first",
            field="parent",
            object_type="provider",
            object_id=provider,
        )


def _upwards(session: Session, providers: Collection[str]) -> dict[str, str | None]:
    """Read the parents of providers and of all above them."""
    rows = ProviderRow.__table__
    start = select(rows.c.id, rows.c.parent).where(rows.c.id.in_(providers))
    chain = start.cte("above", recursive=True)
    chain = chain.union(select(rows.c.id, rows.c.parent).join(chain, rows.c.id == chain.c.parent))
    return dict(session.execute(select(chain)).all())


def _downwards(session: Session, providers: Collection[str]) -> dict[str, str | None]:
    """Read the parents of providers and of all below them. Index: providers (parent)."""
    rows = ProviderRow.__table__
    start = select(rows.c.id, rows.c.parent).where(rows.c.id.in_(providers))
    chain = start.cte("below", recursive=True)
    chain = chain.union(select(rows.c.id, rows.c.parent).join(chain, rows.c.parent == chain.c.id))
    return dict(session.execute(select(chain)).all())


def _tops(parents: Mapping[str, str | None]) -> dict[str, str]:
    tops: dict[str, str] = {}
    for provider in parents:
        way = [provider]
        while way[-1] not in tops and (above := parents[way[-1]]) is not None:
            way.append(above)
        top = tops.get(way[-1], way[-1])
        tops.update(dict.fromkeys(way, top))
    return tops
