"""The system keeps an administrator who can sign in, whatever is taken away at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.iam import accounts, roles
from mulligan.values.errors import FailedPreconditionError

Change = Callable[[Session, str], object]

WAYS: dict[str, Change] = {
    "revoked": lambda session, account: roles.revoke_role(session, account),
    "lowered": lambda session, account: roles.assign_role(session, account, "operator"),
    "deleted": lambda session, account: accounts.delete_account(session, account),
    "disabled": lambda session, account: accounts.update_account(session, account, disabled=True),
}


def an_admin(database: Database, name: str) -> str:
    def make(session: Session) -> str:
        account = accounts.create_account(session, name, accounts.hash_password("long enough")).id
        roles.assign_role(session, account, "admin")
        return account

    return database.write(make)


@pytest.mark.parametrize("way", WAYS)
def test_the_last_administrator_stays_and_the_last_but_one_does_not(
    database: Database, way: str
) -> None:
    ann, bob, eve = (an_admin(database, name) for name in ("ann", "bob", "eve"))
    database.write(lambda session: accounts.update_account(session, eve, disabled=True))
    database.write(lambda session: WAYS[way](session, ann))
    with pytest.raises(FailedPreconditionError) as raised:
        database.write(lambda session: WAYS[way](session, bob))
    assert raised.value.reason == "LAST_ADMIN"
    database.write(lambda session: accounts.update_account(session, eve, disabled=False))
    database.write(lambda session: WAYS[way](session, bob))


@pytest.mark.parametrize("ways", [("disabled", "deleted"), ("revoked", "disabled")])
def test_of_two_administrators_who_would_go_at_once_one_stays(
    database: Database, ways: tuple[str, str]
) -> None:
    gone = [an_admin(database, name) for name in ("ann", "bob")]
    together = Barrier(2)

    def change(way: str, account: str) -> str:
        together.wait(timeout=30)
        try:
            database.write(lambda session: WAYS[way](session, account))
        except FailedPreconditionError as refusal:
            return refusal.reason
        return ""

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(change, ways, gone)) == ["", "LAST_ADMIN"]
