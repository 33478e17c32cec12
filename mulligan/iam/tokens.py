"""Access tokens: JWTs signed with EdDSA (RFC 8037), checked offline from the published keys."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.utils import base64url_decode
from sqlalchemy.orm import Session

from mulligan.iam import grants, keys
from mulligan.iam.keys import PublicKey
from mulligan.values.caller import ROLES, SYSTEM, Caller
from mulligan.values.errors import UnauthenticatedError

AUDIENCE = "mulligan"
_ALGORITHM = "EdDSA"

SERVICES = str(UUID(int=0))
"""Stands for an account in the tokens of the services themselves; no account has this id."""

LONGEST = keys.LIFETIME + keys.CLOCKS_DIFFER
"""No token is good for longer: whoever got hold of a key makes none that outlives its rotation."""

FUTURE = keys.LIFETIME - keys.CLOCKS_DIFFER
"""How far ahead iam's clock may be: as far behind, none of its tokens is good any more, either."""

REMEMBERED = 1024
"""So many good tokens are known again, by all of their text and their key's, in each process:
checking one takes as long as a query.
"""


def issue(
    session: Session,
    account: str,
    sign_in: str = "",
    *,
    now: datetime | None = None,
    lifetime: timedelta = keys.LIFETIME,
) -> tuple[str, datetime]:
    """Sign a token that says what roles the account has now; give it and when it ends.

    Args:
        session: a session.
        account: whose it is.
        sign_in: the session (UUID) that it belongs to, if any.
        now: the time, if it is another.
        lifetime: how long it is good.

    Raises:
        UnauthenticatedError: CREDENTIAL_OVER.
    """
    now = now or datetime.now(UTC)
    grant = grants.grant_of(session, account, now)
    expires_at = min(now + lifetime, grant.ends_at or now + lifetime)
    claims = {"sub": account, "sid": sign_in, "exp": expires_at, "roles": grant.roles}
    if grant.application:
        claims |= {"app": True, "methods": grant.methods, "region": grant.region}
    return _signed(session, claims, now), expires_at


def issue_to_services(session: Session) -> str:
    """Sign a token with which the services beside iam, in its process, read what it has."""
    now = datetime.now(UTC)
    claims = {"sub": SERVICES, "exp": now + keys.LIFETIME, "roles": {SYSTEM: "reader"}}
    return _signed(session, claims, now)


def _signed(session: Session, claims: Mapping[str, Any], now: datetime) -> str:
    key = keys.signing_key(session, now)
    always = {"iss": AUDIENCE, "aud": AUDIENCE, "iat": now, "jti": uuid4().hex}
    return jwt.encode(
        {**always, **claims}, key.private_key, algorithm=_ALGORITHM, headers={"kid": key.id}
    )


def key_id(token: str) -> str:
    """Read which key signed a token, unverified.

    Raises:
        UnauthenticatedError: it is no token at all.
    """
    return _key_id(token.partition(".")[0])


@lru_cache(16)
def _key_id(header: str) -> str:
    """Read a token's header (RFC 7515, 4.1), which all tokens of a key share."""
    try:
        return str(json.loads(base64url_decode(header)).get("kid", ""))
    except (ValueError, AttributeError, RecursionError):
        raise UnauthenticatedError("the token is not a JWT; sign in again") from None


def check(token: str, published: Mapping[str, PublicKey]) -> Caller:
    """Check a token with the published keys.

    Raises:
        UnauthenticatedError: it is expired, from the future, of another installation, or not
            signed by a live key.
    """
    key = published.get(key_id(token))
    if key is None or key.is_retired(datetime.now(UTC)):
        raise UnauthenticatedError("the token was not signed by a live key; sign in again")
    caller = _checked(token, key.pem)
    caller.refuse_if_expired()
    if caller.expires_at is not None:
        ahead_s = (caller.expires_at - datetime.now(UTC) - LONGEST).total_seconds()
        if ahead_s > FUTURE.total_seconds():
            raise UnauthenticatedError(
                f"the token is from the future: iam's clock was at least {ahead_s:.0f} s ahead of "
                "this service's; sign in again with `mulligan login`, and have the clocks set",
                code="TOKEN_EXPIRED",  # so that clients renew it: iam's clock may be right again
                ahead_s=f"{ahead_s:.0f}",
            )
    return caller


@lru_cache(REMEMBERED)
def _checked(token: str, pem: str) -> Caller:
    """Check all of a token; what changes with time is to be checked anew each time."""
    try:
        claims = jwt.decode(
            token,
            _parsed(pem),
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
    if claims["exp"] - claims["iat"] > LONGEST.total_seconds():
        raise UnauthenticatedError("the token is good for too long; sign in again")
    roles = claims.get("roles", {})
    return Caller(
        str(claims["sub"]),
        {str(place): str(role) for place, role in roles.items() if role in ROLES},
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        session=str(claims.get("sid", "")),
        application=bool(claims.get("app", False)),
        methods=frozenset(map(str, claims.get("methods", ()))),
        region=str(claims.get("region", "")),
    )


@lru_cache(16)
def _parsed(pem: str) -> Ed25519PublicKey:
    """Read a key once: it takes as long as a signature."""
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise UnauthenticatedError("the token was not signed by a live key; sign in again")
    return key
