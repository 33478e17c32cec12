"""The keys that sign access tokens: published before they sign, until what they signed ended."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam.tables import PublishedTokenKey, TokenKey
from mulligan.values.errors import ConflictError, FailedPreconditionError

LIFETIME = timedelta(minutes=15)
"""So long an access token is good: nobody can take it back meanwhile."""

PUBLISHED_BEFORE = timedelta(seconds=10)
"""So long before it signs a key is published.

Who checks tokens asks for it as soon as iam's watch tells of it. Without that it asks for keys
that it doesn't know, but not within 3 s of the last answer, for which it waits up to 5 s: whatever
it has been answered of late has the key in it.
"""

CLOCKS_DIFFER = timedelta(minutes=1)
"""So much longer than its last token a key is good, for those whose clock is behind."""


@dataclass(frozen=True)
class PublicKey:
    """What is published of a key: PEM, from when on it signs, and when it is no longer good."""

    id: str
    pem: str
    created_at: datetime
    signs_at: datetime
    retires_at: datetime | None = None

    def is_retired(self, now: datetime) -> bool:
        """Say whether nothing that it signed is good any more."""
        return self.retires_at is not None and now >= self.retires_at


def ensure_key(session: Session, now: datetime) -> None:
    """Make the first signing key where there is none, which signs at once."""
    retire(session, now)
    if session.scalar(select(TokenKey.id).limit(1)) is None:
        session.add(_new_key(now, now))


def rotate(session: Session, now: datetime, *, author: str | None = None) -> PublicKey:
    """Make a key that signs a little later, and say until when the earlier ones are good.

    Raises:
        FailedPreconditionError: KEY_NOT_YET_SIGNING, the last one made has not begun to sign.
    """
    retire(session, now)
    newest_first = select(TokenKey).order_by(TokenKey.created_at.desc(), TokenKey.id)
    earlier = session.scalars(newest_first.with_for_update()).all()
    if earlier and earlier[0].retires_at is not None:
        # Another process has just made a key that this statement did not see.
        raise ConflictError("the keys were rotated at the same time")
    if earlier and _public(earlier[0]).signs_at > now:
        raise FailedPreconditionError(
            f"the newest key {earlier[0].id} does not sign before "
            f"{_public(earlier[0]).signs_at:%H:%M:%S} UTC; rotate again after that",
            code="KEY_NOT_YET_SIGNING",
        )
    key = _new_key(now, now + PUBLISHED_BEFORE)
    session.add(key)
    for one in earlier:
        if one.retires_at is None:
            one.retires_at = now + PUBLISHED_BEFORE + LIFETIME + CLOCKS_DIFFER
    identity, said = str(UUID(hex=key.id)), f"signs from {key.signs_at:%Y-%m-%d %H:%M:%S} UTC on"
    events.append(
        session, events.Event("token_key", identity, "created", author=author, message=said)
    )
    return _public(key)


def retire(session: Session, now: datetime) -> None:
    """Erase the keys of which no token is good any more, the private ones with them."""
    session.execute(delete(TokenKey).where(TokenKey.retires_at <= now))


def signing_key(session: Session, now: datetime) -> TokenKey:
    """Give the key that signs now; one that doesn't yet where the clock was set back before all."""
    begun: ColumnElement[bool] = or_(TokenKey.signs_at.is_(None), TokenKey.signs_at <= now)
    newest = select(TokenKey).order_by(begun.desc(), TokenKey.created_at.desc()).limit(1)
    return session.scalars(newest).one()


def public_keys(session: Session, now: datetime) -> dict[str, PublicKey]:
    """Give the published keys by id, newest first."""
    rows = session.scalars(select(TokenKey).order_by(TokenKey.created_at.desc()))
    return {row.id: key for row in rows if not (key := _public(row)).is_retired(now)}


def keep_published(session: Session, keys: Collection[PublicKey]) -> None:
    """Write down in a site's database which keys iam publishes, in place of those from before."""
    session.execute(delete(PublishedTokenKey))
    session.add_all(
        PublishedTokenKey(
            id=key.id,
            public_key=key.pem,
            created_at=key.created_at,
            signs_at=key.signs_at,
            retires_at=key.retires_at,
        )
        for key in keys
    )


def kept_published(session: Session) -> Mapping[str, PublicKey]:
    """Give the keys that iam published when a service of this site last asked."""
    return {
        row.id: PublicKey(row.id, row.public_key, row.created_at, row.signs_at, row.retires_at)
        for row in session.scalars(select(PublishedTokenKey))
    }


def _new_key(now: datetime, signs_at: datetime) -> TokenKey:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return TokenKey(
        id=uuid4().hex,
        private_key=private.decode(),
        public_key=public.decode(),
        created_at=now,
        signs_at=signs_at,
    )


def _public(row: TokenKey) -> PublicKey:
    # A key of the release before, which didn't write it, signed at once.
    signs_at = row.signs_at or row.created_at
    return PublicKey(row.id, row.public_key, row.created_at, signs_at, row.retires_at)
