"""The first administrator: one token, one use."""

from datetime import UTC, datetime

import pytest

from mulligan.database import Database
from mulligan.iam import accounts, bootstrap, keys, regions, tokens
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    MulliganError,
    UnauthenticatedError,
)

PASSWORD = "correct horse"
FIRST_REGION = "11111111-1111-4111-8111-111111111111"


def spend(database: Database, token: str, password: str = PASSWORD) -> str:
    checked = database.read(lambda session: bootstrap.check(session, token))
    password_hash = accounts.hash_password(password)
    return database.write(
        lambda session: bootstrap.bootstrap(session, checked, "admin", password_hash)
    )


def prepare(database: Database) -> str | None:
    return database.write(lambda session: bootstrap.prepare(session, FIRST_REGION))


def test_the_token_makes_one_administrator(database: Database) -> None:
    token = prepare(database)
    assert token
    account = spend(database, token)
    issued, _ = database.read(lambda session: tokens.issue(session, account))
    published = database.read(lambda session: keys.public_keys(session, datetime.now(UTC)))
    assert tokens.check(issued, published).has("admin")
    with pytest.raises(FailedPreconditionError) as raised:
        spend(database, token)
    assert raised.value.reason == "ALREADY_BOOTSTRAPPED"
    assert prepare(database) is None


def test_another_token_is_refused_and_spends_nothing(database: Database) -> None:
    token = prepare(database)
    assert token
    with pytest.raises(UnauthenticatedError) as raised:
        spend(database, "guessed")
    assert raised.value.reason == "BOOTSTRAP_TOKEN_REFUSED"
    assert spend(database, token)


def test_a_lost_token_is_replaced_by_the_next_start(sqlite_database: Database) -> None:
    lost, printed = prepare(sqlite_database), prepare(sqlite_database)
    assert lost
    assert printed
    with pytest.raises(UnauthenticatedError):
        spend(sqlite_database, lost)
    assert spend(sqlite_database, printed)


def test_a_short_password_spends_nothing(sqlite_database: Database) -> None:
    token = prepare(sqlite_database)
    assert token
    with pytest.raises(InvalidArgumentError):
        spend(sqlite_database, token, "short")
    assert spend(sqlite_database, token)


def test_an_installation_that_was_never_prepared_has_no_token(sqlite_database: Database) -> None:
    with pytest.raises(MulliganError):
        spend(sqlite_database, "any")


def test_the_first_region_gets_the_id_that_its_executor_has(database: Database) -> None:
    prepare(database)
    first, second = (
        database.write(lambda session, name=name: regions.create_region(session, name)).id  # type: ignore[misc]
        for name in ("here", "there")
    )
    assert first == FIRST_REGION
    assert second != FIRST_REGION
