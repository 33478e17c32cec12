"""Signing in, the sessions that begin by it, and the keys that sign their tokens."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.orm import Session

from api import messages
from api.addresses import address_of
from api.call import current_call
from api.hashing import Hashing
from mulligan import events
from mulligan.iam import accounts, bootstrap, keys, sessions, sign_ins
from mulligan.iam.keys import PublicKey
from mulligan.iam.sessions import SignedIn
from mulligan.iam.sign_ins import Attempt
from mulligan.iam.tables import SignInSession
from mulligan.meta import names
from mulligan.values.caller import Caller
from mulligan.values.errors import (
    FailedPreconditionError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2

T = TypeVar("T")


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class SignIn:
    """Exchanges proofs of who somebody is for tokens, and takes them back."""

    def __init__(self, hashing: Hashing, now: Callable[[], datetime] = utc_now) -> None:
        self._hashing, self._now = hashing, now

    async def bootstrap(self, request: iam_pb2.BootstrapRequest) -> iam_pb2.SignedIn:
        """Create the administrator, once, and sign it in."""
        call = current_call()
        address = address_of(call.caller.address)
        checked = await call.read(lambda session: bootstrap.check(session, request.token))
        password_hash = await self._hashing.do(lambda: accounts.hash_password(request.password))

        def begin(session: Session) -> SignedIn:
            account = bootstrap.bootstrap(session, checked, request.account, password_hash)
            session.flush()
            return sessions.start(session, account, address, self._now())

        return _signed_in(await call.write_anonymously(begin), self._now())

    async def login(self, request: iam_pb2.LoginRequest) -> iam_pb2.SignedIn:
        """Exchange a password for tokens."""
        attempt = await self.attempt(request.account, request.password)

        def succeed(session: Session) -> SignedIn | UnauthenticatedError:
            if refusal := sign_ins.succeed(session, attempt, self._now()):
                return refusal
            return sessions.start(session, attempt.account, attempt.address, self._now())

        return _signed_in(_or_raised(await current_call().write_anonymously(succeed)), self._now())

    async def attempt(self, account: str, password: str) -> Attempt:
        """Try a password, which counts; gives the attempt if it fits."""
        call = current_call()
        address = address_of(call.caller.address)
        attempt = await call.write_anonymously(
            lambda session: sign_ins.begin(session, account, address, self._now())
        )
        if not await self._hashing.do(lambda: attempt.fits(password)):
            raise sign_ins.refused()
        return attempt

    async def refresh(self, request: iam_pb2.RefreshTokenRequest) -> iam_pb2.SignedIn:
        """Exchange a refresh token for new tokens."""
        call = current_call()
        token, request_id = request.refresh_token, request.request_id
        address = address_of(call.caller.address)
        # Read first: who makes tokens up takes no turn of those who write.
        found = None
        if await call.read(lambda session: sessions.is_known(session, token)):
            found = await call.write_anonymously(
                lambda session: sessions.refresh(session, token, request_id, self._now())
            )
        if found is None:
            await call.read(lambda session: sign_ins.refuse_slowed(session, address, self._now()))
            await call.write_anonymously(partial(sign_ins.fail, address=address, now=self._now()))
            raise UnauthenticatedError(
                "there is no session with this refresh token, or it ended long ago; sign in again "
                "with `mulligan login`",
                code="REFRESH_TOKEN_UNKNOWN",
                field="refresh_token",
            )
        return _signed_in(_or_raised(found), self._now())

    async def sign_out(self, request: iam_pb2.SignOutRequest) -> iam_pb2.Session:
        """Revoke the caller's own session."""
        caller = current_call().caller
        if not caller.session:
            raise FailedPreconditionError(
                "this token belongs to no session, it lives to its end", code="NO_SESSION"
            )
        return await self._revoke(request, caller.session, "it was signed out")

    async def revoke(self, request: iam_pb2.RevokeSessionRequest) -> iam_pb2.Session:
        """Revoke a session."""
        return await self._revoke(request, request.id, "it was revoked")

    async def _revoke(
        self,
        request: iam_pb2.SignOutRequest | iam_pb2.RevokeSessionRequest,
        identity: str,
        reason: str,
    ) -> iam_pb2.Session:
        call = current_call()

        def revoke(session: Session) -> iam_pb2.Session:
            row = sessions.revoke(session, identity, call.caller, reason, self._now())
            return _session(row, call.caller)

        return await call.write(request, iam_pb2.Session, revoke)

    async def list_sessions(
        self, request: iam_pb2.ListSessionsRequest
    ) -> iam_pb2.ListSessionsResponse:
        """List the sessions of an account."""
        call = current_call()
        account = request.account or call.caller.account
        if account != call.caller.account and not call.caller.has("admin"):
            raise PermissionDeniedError(
                "another account's sessions are shown to admins of the system; ask one"
            )
        if not names.is_uuid(account):
            raise NotFoundError(
                f"there is no account {account}", object_type="account", object_id=account
            )
        size = messages.page_size(request.page)

        def read(session: Session) -> iam_pb2.ListSessionsResponse:
            revision = events.told_revision(session)
            after = messages.after_id(request.page)
            rows = sessions.list_live(session, account, after, size, self._now())
            return iam_pb2.ListSessionsResponse(
                sessions=[_session(row, call.caller) for row in rows],
                next_page_token=messages.token_of(rows[-1].id) if len(rows) == size else "",
                revision=revision,
            )

        return await call.read(read)

    async def list_keys(self) -> iam_pb2.ListTokenKeysResponse:
        """Publish the keys with which tokens are checked."""
        found = await current_call().read(lambda session: keys.public_keys(session, self._now()))
        return iam_pb2.ListTokenKeysResponse(keys=[_key(key) for key in found.values()])

    async def rotate_keys(self, request: iam_pb2.RotateTokenKeysRequest) -> iam_pb2.TokenKey:
        """Make a new signing key."""
        call = current_call()

        def rotate(session: Session) -> iam_pb2.TokenKey:
            return _key(keys.rotate(session, self._now(), author=call.caller.account))

        return await call.write(request, iam_pb2.TokenKey, rotate)


def _or_raised(given: SignedIn | UnauthenticatedError) -> SignedIn:
    """Raise a refusal now that what goes with it is committed."""
    if isinstance(given, UnauthenticatedError):
        raise given
    return given


def _signed_in(given: SignedIn, now: datetime) -> iam_pb2.SignedIn:
    message = iam_pb2.SignedIn(
        account=given.account,
        session=given.session,
        access_token=given.access_token,
        expires_at=messages.timestamp(given.expires_at),
        refresh_token=given.refresh_token,
        session_ends_at=messages.timestamp(given.session_ends_at),
    )
    message.lifetime.FromTimedelta(given.expires_at - now)
    return message


def _session(row: SignInSession, caller: Caller) -> iam_pb2.Session:
    return iam_pb2.Session(
        id=row.id,
        account=row.account,
        address=row.address,
        created_at=messages.timestamp(row.created_at),
        refreshed_at=messages.timestamp(row.refreshed_at),
        ends_at=messages.timestamp(sessions.ends_at(row)),
        revoked_at=messages.timestamp(row.revoked_at),
        reason=row.reason,
        current=row.id == caller.session,
    )


def _key(key: PublicKey) -> iam_pb2.TokenKey:
    return iam_pb2.TokenKey(
        key_id=key.id,
        public_key=key.pem,
        created_at=messages.timestamp(key.created_at),
        signs_at=messages.timestamp(key.signs_at),
        retires_at=messages.timestamp(key.retires_at),
    )
