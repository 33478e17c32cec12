"""Accounts, from messages to changes and from rows to messages."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.hashing import Hashing
from api.listings import listing_of, token_after
from api.masks import paths_of
from mulligan import events
from mulligan.iam import accounts, objects, sign_ins
from mulligan.iam.tables import Account
from mulligan.meta import many_names, names
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb

TYPES = {"user": pb.ACCOUNT_TYPE_USER, "application": pb.ACCOUNT_TYPE_APPLICATION}


async def create(request: pb.CreateAccountRequest, hashing: Hashing) -> pb.Account:
    """Create a user."""
    call = current_call()
    password_hash = await hashing.do(lambda: accounts.hash_password(request.password))

    def make(session: Session) -> pb.Account:
        row = accounts.create_account(
            session, request.name, password_hash, author=call.caller.account
        )
        return _shown(session, [row])[0]

    return await call.write(request, pb.Account, make)


async def get(request: pb.GetAccountRequest) -> pb.Account:
    """Show an account; another one looks as if it weren't there, except to the system's readers."""
    call = current_call()
    if request.id != call.caller.account and not call.caller.has("reader"):
        raise objects.not_there("account", request.id)
    return await call.read(
        lambda session: _shown(session, [accounts.get_account(session, request.id)])[0]
    )


async def get_all(request: pb.BatchGetAccountsRequest) -> pb.BatchGetAccountsResponse:
    """Show several accounts."""

    def read(session: Session) -> pb.BatchGetAccountsResponse:
        rows = accounts.get_accounts(session, list(request.ids))
        return pb.BatchGetAccountsResponse(accounts=messages.at_once(_shown(session, rows)))

    return await current_call().read(read)


async def list_page(request: pb.ListAccountsRequest) -> pb.ListAccountsResponse:
    """List accounts."""
    listing = listing_of(request, "account")

    def read(session: Session) -> pb.ListAccountsResponse:
        revision = events.told_revision(session)
        page = accounts.list_accounts(session, listing)
        shown = messages.fitting(_shown(session, page.items))
        return pb.ListAccountsResponse(
            accounts=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    return await current_call().read(read)


async def update(request: pb.UpdateAccountRequest, hashing: Hashing) -> pb.Account:
    """Change an account's name and password, and whether it may sign in."""
    call = current_call()
    paths = paths_of(request, ("name", "password", "disabled"))
    password = None
    if "password" in paths:
        password = await hashing.do(lambda: accounts.hash_password(request.password))

    def change(session: Session) -> pb.Account:
        row = accounts.update_account(
            session,
            request.id,
            name=request.name if "name" in paths else None,
            password_hash=password,
            disabled=request.disabled if "disabled" in paths else None,
            generation=request.generation,
            author=call.caller.account,
        )
        return _shown(session, [row])[0]

    return await call.write(request, pb.Account, change)


async def change_password(
    request: pb.ChangePasswordRequest, attempt: sign_ins.Attempt, hashing: Hashing
) -> pb.ChangePasswordResponse:
    """Change the caller's own password, after an attempt to sign in with the old one that fits."""
    call = current_call()
    password_hash = await hashing.do(lambda: accounts.hash_password(request.password))

    def change(session: Session) -> pb.ChangePasswordResponse:
        sign_ins.forgive(session, attempt, datetime.now(UTC))
        sign_ins.require_same_password(session, attempt)
        accounts.update_account(
            session,
            call.caller.account,
            password_hash=password_hash,
            author=call.caller.account,
            spared=call.caller.session,
        )
        return pb.ChangePasswordResponse()

    return await call.write(request, pb.ChangePasswordResponse, change)


async def delete(request: pb.DeleteAccountRequest) -> pb.DeleteAccountResponse:
    """Delete an account with its roles."""
    call = current_call()

    def end(session: Session) -> pb.DeleteAccountResponse:
        accounts.delete_account(session, request.id, author=call.caller.account)
        return pb.DeleteAccountResponse()

    return await call.write(request, pb.DeleteAccountResponse, end)


def _shown(session: Session, rows: Sequence[Account]) -> list[pb.Account]:
    ids = [row.id for row in rows]
    described, old = names.describe(session, ids), many_names.old_slugs(session, ids)
    return [
        pb.Account(
            metadata=messages.metadata(row, described, old_slugs=old),
            disabled=row.disabled,
            type=TYPES[row.type],
        )
        for row in rows
    ]
