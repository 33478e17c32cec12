"""Reshape: inventories move within a tree, with what is claimed of them, in one atomic step.

So what a host was counted with can be counted at its cells or cards from now on, while claims last.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from mulligan.marks import marks_of
from mulligan.resource import trees
from mulligan.resource.claim_changes import tell
from mulligan.resource.differences import Difference, Key, difference, write_difference
from mulligan.resource.inventories import below_claims, read_inventories
from mulligan.resource.occupation import from_now_on, not_lapsed, occupation_of, peaks
from mulligan.resource.offers import KINDS, offer_of
from mulligan.resource.provider_changes import (
    MOST_PROVIDERS,
    ProviderChange,
    change_providers,
    refuse_managed,
)
from mulligan.resource.tables import AllocationRow, ClaimRow, ProviderRow, ProviderTypeRow
from mulligan.resource.values import check_id
from mulligan.values.amount import check_resource_type
from mulligan.values.errors import ConflictError, FailedPreconditionError, InvalidArgumentError

_KEY = ("claim", "provider", "resource_type")

Allocations = dict[Key, Mapping[str, Any]]
"""The other columns of allocations by claim, provider and resource type."""


@dataclass(frozen=True)
class AllocationMove:
    """Allocations of one resource type that go from one provider to another.

    Args:
        resource_type: such as VGPU.
        from_provider: UUID.
        to_provider: UUID.
        claims: UUIDs of those whose allocations move; none: all that use it now or later.
        amount: how much of each; 0: all of it.

    Raises:
        InvalidArgumentError: a field can't be used.
    """

    resource_type: str
    from_provider: str
    to_provider: str
    claims: Collection[str] = ()
    amount: int = 0

    def __post_init__(self) -> None:
        check_resource_type(self.resource_type, field="moves.resource_type")
        for name in ("from_provider", "to_provider"):
            object.__setattr__(self, name, check_id(getattr(self, name), field=f"moves.{name}"))
        claims = tuple(sorted({check_id(one, field="moves.claims") for one in self.claims}))
        object.__setattr__(self, "claims", claims)
        if self.from_provider == self.to_provider:
            raise InvalidArgumentError(
                f"a move from provider {self.from_provider} to itself moves nothing; name two",
                field="moves.to_provider",
            )
        if self.amount < 0:
            raise InvalidArgumentError(
                f"{self.amount} can't be moved; give an amount, or 0 for all of it",
                field="moves.amount",
            )

    @property
    def words(self) -> str:
        """From where to where."""
        return f"from provider {self.from_provider} to provider {self.to_provider}"


def reshape_providers(
    session: Session,
    changes: Sequence[ProviderChange],
    moves: Sequence[AllocationMove],
    *,
    author: str | None = None,
    now: datetime,
    by_control: bool = False,
) -> list[ProviderRow]:
    """Change providers of one tree, and move allocations among them one after the other.

    Locks are taken as everywhere: claims by id, then providers by id.

    Args:
        session: a session.
        changes: what becomes of providers; none is put under another here.
        moves: what becomes of allocations.
        author: UUID of the account that asks.
        now: the present.
        by_control: control moves what is claimed of servers and hosts.

    Raises:
        ConflictError: there were claims or moves meanwhile.
        FailedPreconditionError: more would be claimed than there is, or in other portions, or of
            what is marked; or the providers are of several trees, or control's.
        InvalidArgumentError, NotFoundError, StaleError: as `change_providers`; or a claim has not
            what is to be moved.
    """
    _check_request(changes, moves)
    claims = _lock_claims(session, moves, now)
    moving = {one for move in moves for one in (move.from_provider, move.to_provider)}
    rows = trees.lock_trees(session, moving | {change.provider for change in changes})
    _refuse_several_trees(rows)
    for provider in sorted(moving) if not by_control else ():
        refuse_managed(rows[provider], "what is claimed of it")
    before = _allocations(session, moves, now)
    if not {claim for claim, _, _ in before} <= claims.keys():
        raise ConflictError("other claims were committed while the tree was to be reshaped")
    after, said = _moved(before, moves)
    found = difference(before, after)
    found.added.update(_with_margins(session, found.added, claims, rows))
    write_difference(session, AllocationRow, _KEY, found)
    changed = (
        change_providers(session, changes, author=author, now=now, by_control=by_control)
        if changes
        else []
    )
    _refuse_not_offered(session, before, found, rows, now)
    _refuse_what_does_not_fit(session, found, now)
    for claim, words in said.items():
        claims[claim].generation += 1
        tell(session, claims[claim], "moved", now, "; ".join(words), author=author)
    session.flush()
    return changed


def _check_request(changes: Sequence[ProviderChange], moves: Sequence[AllocationMove]) -> None:
    if not changes and not moves:
        raise InvalidArgumentError("say what to change or to move", field="changes")
    if len(moves) > MOST_PROVIDERS:
        raise InvalidArgumentError(
            f"{len(moves)} moves in one call are too many; send {MOST_PROVIDERS} at most",
            field="moves",
        )
    for change in changes:
        if change.under is not None:
            raise InvalidArgumentError(
                f"provider {change.provider} can't change its place while its tree is reshaped; "
                "move it in a call before or after",
                field="under",
            )


def _lock_claims(
    session: Session, moves: Sequence[AllocationMove], now: datetime
) -> dict[str, ClaimRow]:
    """Lock the claims that may move, by id; they may be more than a statement takes parameters.

    Index: allocations (provider, resource_type, occupied_until).
    """
    ids = select(AllocationRow.claim).where(*_may_move(moves, now))
    query = select(ClaimRow).where(ClaimRow.id.in_(ids)).order_by(ClaimRow.id).with_for_update()
    rows = session.scalars(query.execution_options(populate_existing=True))
    return {row.id: row for row in rows}


def _may_move(moves: Sequence[AllocationMove], now: datetime) -> list[ColumnElement[bool]]:
    """Say what claims use, now or later, of the providers between which something moves."""
    rows, ends = AllocationRow, {p for m in moves for p in (m.from_provider, m.to_provider)}
    return [
        rows.provider.in_(ends),
        rows.resource_type.in_({move.resource_type for move in moves}),
        rows.occupied_until > now,
        not_lapsed(rows, now),
    ]


def _allocations(session: Session, moves: Sequence[AllocationMove], now: datetime) -> Allocations:
    query = select(AllocationRow.__table__).where(*_may_move(moves, now))
    return {
        (row["claim"], row["provider"], row["resource_type"]): {
            name: value for name, value in row.items() if name not in _KEY
        }
        for row in session.execute(query).mappings()
    }


def _refuse_several_trees(rows: Mapping[str, ProviderRow]) -> None:
    tops = sorted({row.root or row.id for row in rows.values()})
    if len(tops) > 1:
        raise FailedPreconditionError(
            f"the providers are of {len(tops)} trees, those of {', '.join(tops[:5])}; reshape one "
            "tree at a time",
            object_type="provider",
            object_id=tops[0],
        )


def _moved(
    before: Allocations, moves: Sequence[AllocationMove]
) -> tuple[Allocations, dict[str, list[str]]]:
    """Make the moves one after the other; gives in words what became of each claim."""
    after = dict(before)
    said: dict[str, list[str]] = defaultdict(list)
    using: dict[tuple[str, str], set[str]] = defaultdict(set)
    for claim, provider, name in before:
        using[provider, name].add(claim)
    for move in moves:
        leaving = using[move.from_provider, move.resource_type]
        for claim in move.claims or sorted(leaving):
            amount = _move_one(after, claim, move)
            if (claim, move.from_provider, move.resource_type) not in after:
                leaving.discard(claim)
            using[move.to_provider, move.resource_type].add(claim)
            said[claim].append(f"{amount} {move.resource_type} moved {move.words}")
    return after, said


def _move_one(after: Allocations, claim: str, move: AllocationMove) -> int:
    """Move what one claim has; gives how much that was."""
    source = (claim, move.from_provider, move.resource_type)
    target = (claim, move.to_provider, move.resource_type)
    has = after[source]["amount"] if source in after else 0
    amount = move.amount or has
    if not 0 < amount <= has:
        raise InvalidArgumentError(
            f"claim {claim} has {has} {move.resource_type} from provider {move.from_provider}, now "
            f"or later, so {amount or 'none'} can't be moved; name other claims, or less",
            field="moves.claims",
        )
    left = after.pop(source)
    if amount < has:
        after[source] = {**left, "amount": has - amount}
    there = after[target]["amount"] if target in after else 0
    after[target] = {**after.get(target, left), "amount": there + amount}
    return int(amount)


def _refuse_not_offered(
    session: Session,
    before: Allocations,
    found: Difference[Mapping[str, Any]],
    rows: Mapping[str, ProviderRow],
    now: datetime,
) -> None:
    """Refuse moves to providers that are marked; away from them is fine."""
    arrived = found.added | {
        k: row for k, row in found.changed.items() if row["amount"] > before[k]["amount"]
    }
    marked = marks_of(session, {provider for _, provider, _ in arrived}, now=now)
    for claim, provider, _ in sorted(arrived):
        offer = offer_of(rows[provider], marked[provider])
        if offer.state in KINDS:
            why = f"which is marked {offer.state}: {offer.reason}"
            raise _does_not_fit(claim, provider, why)


def _with_margins(
    session: Session,
    allocations: Allocations,
    claims: Mapping[str, ClaimRow],
    rows: Mapping[str, ProviderRow],
) -> Allocations:
    """Have each provider be kept free after its claims as its type needs it."""
    types = {row.type for row in rows.values()}
    query = select(ProviderTypeRow.name, ProviderTypeRow.cleaning_margin_s)
    margins: dict[str, int] = dict(
        session.execute(query.where(ProviderTypeRow.name.in_(types))).all()
    )
    return {
        key: {**row, **occupation_of(claims[key[0]], margins[rows[key[1]].type]),
              "margin_s": margins[rows[key[1]].type]}
        for key, row in allocations.items()
    }  # fmt: skip


def _refuse_what_does_not_fit(
    session: Session,
    found: Difference[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Refuse moves to where less is than is claimed then, or where it can't be claimed so."""
    arrived = found.added | found.changed
    providers = {provider for _, provider, _ in arrived}
    has = read_inventories(session, dict.fromkeys(providers))
    used = peaks(AllocationRow.provider.in_(providers), from_now_on(now), now)
    reached = {(provider, name) for _, provider, name in arrived}
    for provider, name, peak in sorted(session.execute(used).all()):
        capacity = has[provider][name].capacity if name in has[provider] else 0
        if (provider, name) in reached and capacity < peak:
            raise below_claims(session, (provider, name), capacity, peak, now)
    for (claim, provider, name), row in arrived.items():
        inventory = has[provider][name]
        if not inventory.hands_out(row["amount"]):
            raise _does_not_fit(
                claim,
                provider,
                f"which hands out {inventory.min_unit} to {inventory.max_unit} in steps of "
                f"{inventory.step_size}, not {row['amount']}",
            )


def _does_not_fit(claim: str, provider: str, why: str) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"claim {claim} can't have it from provider {provider}, {why}; move it elsewhere",
        field="moves",
        object_type="provider",
        object_id=provider,
    )
