"""Which providers a claim gets: the best candidate that it can lock before others do."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from random import getrandbits
from typing import Any

from sqlalchemy import bindparam, or_, select, text
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.resource.candidates import Search
from mulligan.resource.explain import explain_claim
from mulligan.resource.fleet import (
    Fleet,
    provider_columns,
    read_groups,
    read_what_they_have,
    stock_columns,
)
from mulligan.resource.fleet_view import view_of
from mulligan.resource.requests import Candidate, ClaimRequest, from_now, is_from_now_on
from mulligan.resource.tables import InventoryRow, ProviderRow, ProviderTypeRow
from mulligan.resource.turns import wait_turn
from mulligan.values.errors import ConflictError

CANDIDATES = 3
"""So many candidates are found at once, at most; who loses all of them looks again."""

_BEFORE_LOCKS = text("SAVEPOINT candidate")
_GIVE_BACK = text("ROLLBACK TO SAVEPOINT candidate")

ROUNDS = 16
"""How often candidates are looked for before a claim gives up against others."""


class Taken:
    """A candidate that is locked.

    With how many seconds each provider is kept free after it, where others are kept out, and in
    which region it is: a tree, and what is shared with it, is in one.
    """

    def __init__(self, candidate: Candidate, search: Search) -> None:
        self.candidate = candidate
        self.region = _region_of(search, candidate.parts[0].provider)
        self.margins = {
            part.provider: search.use.margin(search.fleet.place_of[part.provider])
            for part in candidate.parts
        }
        fleet, parts = search.fleet, candidate.parts
        tops = {part.provider: int(fleet["root"][fleet.place_of[part.provider]]) for part in parts}
        alone = {
            tops[part.provider]
            for part, place in zip(parts, search.places, strict=True)
            if place.group.alone
        }
        self.alone = {provider for provider, top in tops.items() if top in alone}


def _region_of(search: Search, provider: str) -> str:
    fleet = search.fleet
    code = fleet["region"][fleet.place_of[provider]]
    return next(one for one in search.regions if fleet.codes.get(one) == code)


def propose(
    session: Session,
    request: ClaimRequest,
    *,
    project: str,
    now: datetime,
    seed: int = 0,
    limit: int = CANDIDATES,
) -> list[Candidate]:
    """Find candidates without claiming anything, best first; the same for the same seed.

    Args:
        session: a session.
        request: what is asked for.
        project: UUID of the project that asks.
        now: the present.
        seed: the order among equals; 0: that of their ids.
        limit: at most this many.

    Raises:
        InvalidArgumentError: the window is over, or the request names what is not there.
        NoCapacityError: nothing fits, explained.
    """
    request = from_now(request, now)
    with view_of(session).look(session, now) as fleet:
        search = Search(session, fleet, request, project=project, now=now, seed=seed)
        found = list(islice(search.candidates(), limit))
        if not found:
            raise explain_claim(session, search)
    return found


def take_candidate(
    session: Session,
    request: ClaimRequest,
    project: str,
    now: datetime,
    *,
    seed: int | None = None,
    proposed: Candidate | None = None,
) -> Taken:
    """Find the best candidate and lock its providers, and the tops of their trees, against others.

    Args:
        session: a session.
        request: what is asked for.
        project: UUID of the project that claims.
        now: the present.
        seed: the order among equals; None: by chance, so that claims get less in each other's way.
        proposed: only this candidate.

    Raises:
        ConflictError: others were faster all the time.
        InvalidArgumentError: the request names what is not there.
        NoCapacityError: nothing fits, explained.
    """
    seed = getrandbits(32) if seed is None else seed
    search_in = partial(
        Search, session, request=request, project=project, now=now, seed=seed, proposed=proposed
    )
    roughly = is_from_now_on(request.window, now)
    for lost in range(ROUNDS):
        # Who lost may have been misled by what is known: now as exactly and as widely as can be.
        with view_of(session).look(session, now) as fleet:
            search = search_in(fleet, roughly=roughly and not lost)
            found = list(islice(search.candidates(together=not lost), CANDIDATES))
            if roughly and not found:
                search = search_in(fleet)
                found = list(islice(search.candidates(), CANDIDATES))
            if not found:
                raise explain_claim(session, search)
            locks = [_providers_and_tops(fleet, candidate) for candidate in found]
        for candidate, ids in zip(found, locks, strict=True):
            taken = _lock_if_fits(session, candidate, ids, request, project, now)
            if taken:
                return taken
    raise ConflictError("other claims took every provider that fitted")


def _providers_and_tops(fleet: Fleet, candidate: Candidate) -> set[str]:
    places = {fleet.place_of[part.provider] for part in candidate.parts}
    return {fleet.ids[int(one)] for place in places for one in (place, fleet["root"][place])}


def _lock_if_fits(
    session: Session,
    candidate: Candidate,
    ids: set[str],
    request: ClaimRequest,
    project: str,
    now: datetime,
) -> Taken | None:
    """Lock providers and ask again; who lost gives the locks back with the savepoint.

    Under READ COMMITTED what is read after the locks sees what was committed while they were waited
    for. Giving them back keeps two claims from waiting for each other. Who won leaves the savepoint
    to the end of the transaction.
    """
    session.flush()
    turn = wait_turn(session, ids)
    session.execute(_BEFORE_LOCKS)
    locked, stock = _lock(session, ids)
    if len(locked) == len(ids) and all(row.root in (None, *ids) for row in locked):
        fleet = _read_afresh(session, locked, stock, candidate.tree, request)
        search = Search(session, fleet, request, project=project, now=now, proposed=candidate)
        search.use.know(fleet.place_of[part.provider] for part in candidate.parts)
        if next(search.candidates(), None):
            return Taken(candidate, search)
    session.execute(_GIVE_BACK)
    turn.close()
    return None


def _lock(session: Session, ids: set[str]) -> tuple[Sequence[Any], Sequence[Any] | None]:
    """Lock providers by id, each with the margin of its type; a single one with its inventories.

    So these are of the moment of the lock, too: what was put in their place while it was waited for
    is not among them.
    """
    if len(ids) > 1:
        return session.execute(_LOCK, {"providers": list(ids)}).all(), None
    stock = session.execute(_LOCK_ONE, {"provider": next(iter(ids))}).all()
    return stock[:1], stock


_PROVIDERS, _TYPES, _STOCK = (row.__table__ for row in (ProviderRow, ProviderTypeRow, InventoryRow))
_WITH_TYPES = _PROVIDERS.outerjoin(_TYPES, _TYPES.c.name == _PROVIDERS.c.type)
_LOCKED = select(*provider_columns(), _TYPES.c.cleaning_margin_s)
_LOCK = (
    _LOCKED.select_from(_WITH_TYPES)
    .where(one_of(_PROVIDERS.c.id, "providers"))
    .order_by(_PROVIDERS.c.id)
    .with_for_update(of=_PROVIDERS)
)
_LOCK_ONE = (
    _LOCKED.add_columns(*stock_columns())
    .select_from(_WITH_TYPES.join(_STOCK, _STOCK.c.provider == _PROVIDERS.c.id))
    .where(_PROVIDERS.c.id == bindparam("provider"))
    .with_for_update(of=[_PROVIDERS, _STOCK])
)
_OF_TREES = select(*provider_columns()).where(
    or_(one_of(_PROVIDERS.c.id, "tops"), one_of(_PROVIDERS.c.root, "tops"))
)


def _read_afresh(
    session: Session,
    locked: Sequence[Any],
    stock: Sequence[Any] | None,
    tree: str,
    request: ClaimRequest,
) -> Fleet:
    """Read what a decision about locked providers depends on: their trees, if those matter."""
    fleet, groups = Fleet(), request.groups
    origins = {limit.origin for group in groups for limit in group.distances if limit.origin}
    if request.near:
        origins.add(request.near.origin)
    rows, tops = locked, {tree, *(row.root or row.id for row in locked)}
    if origins or len(groups) > 1 or groups[0].groups or groups[0].across_tree:
        if origins:
            columns = ProviderRow.__table__.c
            found = select(columns.root, columns.id).where(columns.id.in_(origins))
            tops |= {row.root or row.id for row in session.execute(found)}
        rows, stock = session.execute(_OF_TREES, {"tops": tops}).all(), None
    fleet.take_in(rows)
    read_what_they_have(
        session,
        fleet,
        [row.id for row in rows],
        stock=stock,
        capabilities=any(group.capabilities for group in groups),
        properties=any(group.properties for group in groups),
    )
    fleet.margins = {row.type: row.cleaning_margin_s or 0 for row in locked}
    if origins or len(tops) > 1 or any(group.groups or group.distances for group in groups):
        read_groups(session, fleet)
    return fleet
