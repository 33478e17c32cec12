"""The public keys to which secrets for a region are sealed, as its executors told them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mulligan.control.tables import RegionKey


def keys_of(session: Session, region: str) -> list[tuple[str, str]]:
    """Give (key id, public key) of a region, newest first."""
    rows = select(RegionKey).where(RegionKey.region == region).order_by(RegionKey.seen_at.desc())
    return [(row.key_id, row.public_key) for row in session.scalars(rows)]


def keep_keys(session: Session, region: str, keys: Sequence[tuple[str, str]]) -> None:
    """Replace a region's keys."""
    session.execute(delete(RegionKey).where(RegionKey.region == region))
    now = datetime.now(UTC)
    session.add_all(
        RegionKey(region=region, key_id=key_id, public_key=public_key, seen_at=now)
        for key_id, public_key in keys
    )
