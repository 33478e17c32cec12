"""How far providers and groups are apart, by types with ordered codes; each pair is said once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.resource.differences import Difference, Key, difference, write_difference
from mulligan.resource.registry import register
from mulligan.resource.tables import DistanceRow, DistanceTypeRow, GroupRow, ProviderRow
from mulligan.resource.values import Page, check_id, check_name, page_size
from mulligan.values.errors import InvalidArgumentError, NotFoundError
from mulligan.values.ids import name_id

MOST_PAIRS = 10_000
MOST_CODES = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """Two providers or groups, in either order; a group with itself says how far its members are.

    Raises:
        InvalidArgumentError: one is no UUID.
    """

    a: str
    b: str

    def __post_init__(self) -> None:
        a, b = sorted(check_id(one, field="distances") for one in (self.a, self.b))
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "b", b)


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two are apart, by one distance type."""

    type: str
    pair: Pair
    code: str


def create_distance_type(
    session: Session,
    name: str,
    codes: Sequence[str],
    *,
    description: str = "",
    author: str | None = None,
    now: datetime,
) -> DistanceTypeRow:
    """Register a way to measure, with its codes from near to far.

    Raises:
        AlreadyExistsError: it is registered.
        InvalidArgumentError: there are no codes or too many, or one stands twice.
    """
    for code in codes:
        check_name(code, field="codes")
    if not 1 <= len(set(codes)) == len(codes) <= MOST_CODES:
        raise InvalidArgumentError(
            f"give 1 to {MOST_CODES} codes from near to far, each once", field="codes"
        )
    return register(
        session, DistanceTypeRow, name, description=description, author=author, now=now,
        codes=list(codes),
    )  # fmt: skip


def set_distances(
    session: Session,
    type: str,  # noqa: A002 (the column's word)
    put: Mapping[Pair, str],
    remove: Collection[Pair] = (),
    *,
    replace_all_of: str = "",
    author: str | None = None,
    now: datetime,
) -> None:
    """Say how far pairs are apart, or take it back; what was said of a pair before is replaced.

    Args:
        session: a session.
        type: the distance type.
        put: the code of each pair.
        remove: of which nothing is said any more; of whom nothing was said is fine.
        replace_all_of: UUID of a provider or group of which nothing else is said from now on.
        author: UUID of the account that says so.
        now: the present.

    Raises:
        InvalidArgumentError: no such code, provider or group, a pair stands both ways, or too many.
        NotFoundError: there is no such distance type.
    """
    codes = _codes(session, type)
    _check_pairs(put, remove)
    for code in put.values():
        if code not in codes:
            raise InvalidArgumentError(
                f"{code!r} is no code of distance type {type}; from near to far there are "
                f"{', '.join(codes)}",
                field="distances.code",
            )
    everything = check_id(replace_all_of, field="replace_all_of") if replace_all_of else ""
    _require_objects(session, put, everything)
    named = tuple_(DistanceRow.a, DistanceRow.b).in_([(p.a, p.b) for p in (*put, *remove)])
    before = _said(session, type, or_(named, _of(everything)) if everything else named)
    gone = {(type, pair.a, pair.b) for pair in remove}
    after = {k: row for k, row in before.items() if not (k in gone or everything in k[1:])}
    after |= {(type, pair.a, pair.b): {"steps": codes.index(put[pair])} for pair in put}
    changed = difference(before, after)
    write_difference(session, DistanceRow, ("type", "a", "b"), changed)
    _tell(session, changed, codes, author, now)


def _codes(session: Session, name: str) -> list[str]:
    """Read a type's codes and keep others from saying or forgetting anything by it meanwhile."""
    row = session.get(DistanceTypeRow, name, with_for_update={"key_share": True})
    if row is None:
        raise NotFoundError(
            f"there is no distance type {name!r}; see `mulligan distance-type list`",
            object_type="distance_type",
            object_id=name,
        )
    return [str(code) for code in row.codes]


def _check_pairs(put: Mapping[Pair, str], remove: Collection[Pair]) -> None:
    if len(put) + len(remove) > MOST_PAIRS:
        raise InvalidArgumentError(
            f"send {MOST_PAIRS} pairs at most in one call", field="distances"
        )
    both = set(put) & set(remove)
    if both:
        one = min(both, key=lambda pair: (pair.a, pair.b))
        raise InvalidArgumentError(
            f"{one.a} and {one.b} are both set and removed; decide on one", field="distances"
        )


def _require_objects(session: Session, pairs: Collection[Pair], everything: str) -> None:
    """Refuse what is apart of nothing; what is there stays until the distance is written."""
    ids = {one for pair in pairs for one in (pair.a, pair.b)} | {everything} - {""}
    if not ids:
        return
    groups, providers = _kept(session, GroupRow, ids), _kept(session, ProviderRow, ids)
    missing = ids - groups - providers
    if missing:
        raise InvalidArgumentError(
            f"there is no provider or group {min(missing)}",
            field="replace_all_of" if missing == {everything} else "distances",
        )
    for pair in pairs:
        if pair.a == pair.b and pair.a in providers:
            raise InvalidArgumentError(
                f"provider {pair.a} is not apart from itself; name two", field="distances"
            )


def _kept(session: Session, table: Any, ids: Collection[str]) -> set[str]:
    """Pick the ids that a table has, and keep others from deleting those rows."""
    query = select(table.id).where(table.id.in_(ids)).order_by(table.id)
    return set(session.scalars(query.with_for_update(read=True, key_share=True)))


def _of(object_id: str) -> ColumnElement[bool]:
    return or_(DistanceRow.a == object_id, DistanceRow.b == object_id)


def _said(session: Session, type_: str, which: ColumnElement[bool]) -> dict[Key, Mapping[str, Any]]:
    rows = DistanceRow
    query = select(rows.a, rows.b, rows.steps).where(rows.type == type_, which)
    return {(type_, a, b): {"steps": steps} for a, b, steps in session.execute(query)}


def _tell(
    session: Session,
    changed: Difference[Mapping[str, Any]],
    codes: Sequence[str],
    author: str | None,
    now: datetime,
) -> None:
    """Tell of each pair; it has no UUID, so an event gets one that is always the same for it."""
    told = [(key, codes[row["steps"]]) for key, row in (changed.added | changed.changed).items()]
    for key, code in (*told, *((key, "") for key in changed.removed)):
        kind, a, b = key
        events.append(
            session,
            events.Event(
                "distance",
                name_id("distance", "/".join(key)),
                "updated" if code else "deleted",
                author=author,
                message=f"{kind} of {a} and {b}: {code or 'not said any more'}",
                at=now,
            ),
        )


def list_distances(
    session: Session,
    *,
    type: str = "",  # noqa: A002 (the column's word)
    object_id: str = "",
    after: Sequence[str] = (),
    limit: int = 0,
) -> Page[Distance]:
    """Read a page of distances in the order of type and pair.

    Args:
        session: a session.
        type: only of this distance type.
        object_id: only of this provider or group.
        after: type, a and b where the page before ended.
        limit: at most this many; 0 for 100.
    """
    limit, rows = page_size(limit), DistanceRow
    query = select(rows.type, rows.a, rows.b, rows.steps, DistanceTypeRow.codes)
    query = query.join(DistanceTypeRow, DistanceTypeRow.name == rows.type)
    if type:
        query = query.where(rows.type == type)
    if object_id:
        query = query.where(_of(check_id(object_id, field="object_id")))
    if after:
        kind, a, b = after
        query = query.where(
            or_(rows.type > kind, (rows.type == kind) & (tuple_(rows.a, rows.b) > (a, b)))
        )
    query = query.order_by(rows.type, rows.a, rows.b).limit(limit + 1)
    found = [
        Distance(kind, Pair(a, b), codes[steps])
        for kind, a, b, steps, codes in session.execute(query)
    ]
    return Page.cut(found, limit, lambda one: "/".join((one.type, one.pair.a, one.pair.b)))
