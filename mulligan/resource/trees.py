"""Trees of providers: who is below whom, and moves that never close a circle.

Whatever changes a tree's shape locks its top, and a move all that moves with it, in one go by id.
So two moves that together would close a circle wait for each other, and nobody waits in a circle.
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

_LOCKED_AT_ONCE = 30_000
"""How many ids one statement names; PostgreSQL takes 65,535 at most, SQLite 32,766."""


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
    rows = _lock(session, providers)
    missing = set(providers) - rows.keys()
    if missing:
        raise no_provider(min(missing))
    return rows


def _lock(session: Session, providers: Collection[str]) -> dict[str, ProviderRow]:
    """Lock those of the providers that are there, by id."""
    ids = sorted(providers)
    rows: dict[str, ProviderRow] = {}
    for start in range(0, len(ids), _LOCKED_AT_ONCE):
        part = ProviderRow.id.in_(ids[start : start + _LOCKED_AT_ONCE])
        query = select(ProviderRow).where(part).order_by(ProviderRow.id).with_for_update()
        found = session.scalars(query.execution_options(populate_existing=True))
        rows |= {row.id: row for row in found}
    return rows


def lock_trees(
    session: Session, providers: Collection[str], *, moving: Collection[str] = ()
) -> dict[str, ProviderRow]:
    """Lock providers and the tops of their trees, so that nothing there can move.

    Args:
        session: a session.
        providers: UUIDs.
        moving: which of them are locked with all that is below them.

    Raises:
        ConflictError: a tree took another shape meanwhile.
        NotFoundError: one is not there.
    """
    known = select(ProviderRow.id, ProviderRow.root).where(ProviderRow.id.in_(providers))
    roots: dict[str, str | None] = dict(session.execute(known).all())
    missing = set(providers) - roots.keys()
    if missing:
        raise no_provider(min(missing))
    below = _downwards(session, moving) if moving else {}
    wanted = {*providers, *(root for root in roots.values() if root), *below}
    rows = _lock(session, wanted)
    for provider in wanted - rows.keys():
        raise ConflictError(f"provider {provider} was deleted meanwhile")
    for provider, root in roots.items():
        if rows[provider].root != root:
            raise ConflictError(f"provider {provider} was moved meanwhile")
    if moving and _downwards(session, moving).keys() != below.keys():
        raise ConflictError("what is below the providers that are to be moved changed meanwhile")
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
        rows: what `lock_trees` gave for all that move, and are `moving`, and all that they move to.
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
