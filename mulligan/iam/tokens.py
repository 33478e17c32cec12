"""Access tokens: JWTs signed with EdDSA (RFC 8037), checked offline from the published keys."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.iam.tables import Assignment, TokenKey
from mulligan.values.caller import ROLES, Caller
from mulligan.values.errors import UnauthenticatedError

LIFETIME = timedelta(hours=12)
AUDIENCE = "mulligan"
_ALGORITHM = "EdDSA"

REMEMBERED = 1024
"""So many good tokens are known again, by all of their text and their key's, in each process:
checking one takes as long as a query.
"""


def ensure_key(session: Session) -> None:
    """Make the first signing key where there is none."""
    if session.scalar(select(TokenKey.id).limit(1)) is not None:
        return
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    session.add(
        TokenKey(
            id=uuid4().hex[:16],
            private_key=private.decode(),
            public_key=public.decode(),
            created_at=datetime.now(UTC),
        )
    )


def public_keys(session: Session) -> dict[str, str]:
    """Give the published keys by id, newest first."""
    keys = session.scalars(select(TokenKey).order_by(TokenKey.created_at.desc()))
    return {key.id: key.public_key for key in keys}


def issue(
    session: Session, account: str, *, lifetime: timedelta = LIFETIME
) -> tuple[str, datetime]:
    """Sign a token that says what roles the account has now; give it and when it ends."""
    key = session.scalars(select(TokenKey).order_by(TokenKey.created_at.desc()).limit(1)).one()
    assignments = session.scalars(select(Assignment).where(Assignment.account == account))
    now = datetime.now(UTC)
    expires_at = now + lifetime
    claims = {
        "iss": AUDIENCE,
        "aud": AUDIENCE,
        "sub": account,
        "iat": now,
        "exp": expires_at,
        "jti": uuid4().hex,
        "roles": {assignment.place: assignment.role for assignment in assignments},
    }
    token = jwt.encode(claims, key.private_key, algorithm=_ALGORITHM, headers={"kid": key.id})
    return token, expires_at


@lru_cache(REMEMBERED)
def key_id(token: str) -> str:
    """Read which key signed a token, unverified.

    Raises:
        UnauthenticatedError: it is no token at all.
    """
    try:
        return str(jwt.get_unverified_header(token).get("kid", ""))
    except jwt.PyJWTError:
        raise UnauthenticatedError("the token is not a JWT; sign in again") from None


def check(token: str, keys: Mapping[str, str]) -> Caller:
    """Check a token with the published keys.

    Raises:
        UnauthenticatedError: it is expired, of another installation, or not signed by a live key.
    """
    key = keys.get(key_id(token))
    if key is None:
        raise UnauthenticatedError("the token was not signed by a live key; sign in again")
    caller = _checked(token, key)
    caller.refuse_if_expired()
    return caller


@lru_cache(REMEMBERED)
def _checked(token: str, key: str) -> Caller:
    """Check all of a token; what changes with time is to be checked anew each time."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=AUDIENCE,
            issuer=AUDIENCE,
            # When it was issued is for people: the clock that said so may be ahead of this one.
            options={"require": ["sub", "exp", "iat", "aud", "iss"], "verify_iat": False},
        )
    except jwt.ExpiredSignatureError:
        raise UnauthenticatedError(
            "the token is expired; sign in again with `mulligan login`", code="TOKEN_EXPIRED"
        ) from None
    except jwt.PyJWTError as error:
        raise UnauthenticatedError(f"the token is refused ({error}); sign in again") from None
    roles = claims.get("roles", {})
    return Caller(
        str(claims["sub"]),
        {str(place): str(role) for place, role in roles.items() if role in ROLES},
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )
