"""The public keys to which secrets for a region are sealed, and what is sealed to them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Subquery, delete, func, literal, not_, select, union_all, update
from sqlalchemy.orm import Session

from mulligan.control.tables import Image, Operation, RegionKey, Server
from mulligan.values.sealed import KEY_ID

FRESH = timedelta(minutes=5)
"""Keys that were told longer ago are asked for again, so that rotated ones are noticed."""

_SEALED = re.compile(rf'"({KEY_ID})\.[A-Za-z0-9+/=]{{64,}}"')
"""A sealed text in JSON: the key's id, and what is sealed in base64 (48 bytes and the content)."""


@dataclass(frozen=True, slots=True)
class SealedCredentials:
    """Credentials of a server or image, at its BMC's address or its URL."""

    kind: str
    id: str
    address: str
    sealed: str


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Keys to which something is sealed, and since when the oldest operation runs that may know."""

    key_ids: frozenset[str]
    oldest_running: datetime | None


def keys_of(session: Session, region: str) -> tuple[list[tuple[str, str]], bool]:
    """Give (key id, public key) of a region, newest first, and whether they were told just now."""
    query = select(RegionKey).where(RegionKey.region == region)
    rows = list(session.scalars(query.order_by(RegionKey.position)))
    fresh = bool(rows) and rows[0].seen_at > datetime.now(UTC) - FRESH
    return [(row.key_id, row.public_key) for row in rows], fresh


def keep_keys(session: Session, region: str, keys: Sequence[tuple[str, str]]) -> None:
    """Replace a region's keys."""
    session.execute(delete(RegionKey).where(RegionKey.region == region))
    now = datetime.now(UTC)
    session.add_all(
        RegionKey(
            region=region, key_id=key_id, public_key=public_key, position=position, seen_at=now
        )
        for position, (key_id, public_key) in enumerate(keys)
    )


def sealed_to_others(
    session: Session, region: str, key_id: str, after: str, limit: int
) -> tuple[list[SealedCredentials], int]:
    """Read credentials that are sealed to other keys, by the id of what has them, after one.

    Returns:
        At most `limit` of them, and how many there are from here on.
    """
    every = _sealed_in(region)
    query = select(every).where(not_(every.c.sealed.startswith(f"{key_id}.", autoescape=True)))
    if after:
        query = query.where(every.c.id > after)
    left = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(every.c.id).limit(limit))
    return [SealedCredentials(*row) for row in rows], left


def replace_sealed(session: Session, kind: str, owner: str, was: str, sealed: str) -> None:
    """Write credentials that were sealed anew, unless somebody changed them meanwhile."""
    rows = Server if kind == "server" else Image
    unchanged = (rows.id == owner, rows.sealed_credentials == was)
    session.execute(update(rows).where(*unchanged).values(sealed_credentials=sealed))


def key_use(session: Session, region: str, but: str) -> KeyUse:
    """Find the keys to which stored credentials and running operations' requests are sealed.

    `but` is the operation that asks. Claims carry no secret, and may wait for years.
    """
    key_ids = {
        sealed.partition(".")[0] for sealed in session.scalars(select(_sealed_in(region).c.sealed))
    }
    running = select(Operation.request, Operation.created_at).where(
        Operation.region == region,
        Operation.state == "running",
        Operation.type != "claim",
        Operation.id != but,
    )
    rows = session.execute(running).all()
    for request, _ in rows:
        key_ids.update(_SEALED.findall(json.dumps(request)))
    return KeyUse(frozenset(key_ids), min((created_at for _, created_at in rows), default=None))


def _sealed_in(region: str) -> Subquery:
    """Select what servers and images of a region have sealed: kind, id, address, sealed."""
    servers = select(
        literal("server").label("kind"),
        Server.id.label("id"),
        Server.address.label("address"),
        Server.sealed_credentials.label("sealed"),
    ).where(Server.region == region)
    images = select(literal("image"), Image.id, Image.url, Image.sealed_credentials).where(
        Image.region == region, Image.sealed_credentials != ""
    )
    return union_all(servers, images).subquery()
