"""The public keys to which secrets for a region are sealed, as its executors told them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mulligan.control.tables import RegionKey

FRESH = timedelta(minutes=5)
"""Keys that were told longer ago are asked for again, so that rotated ones are noticed."""


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
