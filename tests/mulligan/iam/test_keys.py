"""Keys follow each other without a moment in which a good token is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from api.token_keys import ANSWER_WITHIN_S, ASKED_AGAIN_AFTER_S
from mulligan.database import Database
from mulligan.events import EventRow
from mulligan.iam import accounts, keys, tokens
from mulligan.iam.keys import PublicKey
from mulligan.iam.tables import TokenKey
from mulligan.values.errors import FailedPreconditionError, UnauthenticatedError
from tests.mulligan.iam.held import meeting

NOW = datetime(2027, 3, 1, tzinfo=UTC)
SIGNS = NOW + keys.PUBLISHED_BEFORE
RETIRES = SIGNS + keys.LIFETIME + keys.CLOCKS_DIFFER
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def installation(database: Database) -> Database:
    """One key, which signs."""
    database.write(lambda session: keys.ensure_key(session, NOW - timedelta(days=1)))
    return database


def rotate(database: Database, now: datetime = NOW) -> PublicKey:
    return database.write(lambda session: keys.rotate(session, now))


def published(database: Database, now: datetime = NOW) -> dict[str, PublicKey]:
    return database.read(lambda session: keys.public_keys(session, now))


def signing(database: Database, now: datetime) -> str:
    return database.read(lambda session: keys.signing_key(session, now)).id


def test_the_first_key_is_made_once_and_signs_at_once(database: Database) -> None:
    for _ in range(2):
        database.write(lambda session: keys.ensure_key(session, NOW))
    assert [key.signs_at for key in published(database).values()] == [NOW]
    assert signing(database, NOW) in published(database)


def test_a_new_key_is_published_before_it_signs(installation: Database) -> None:
    [old] = published(installation)
    new = rotate(installation)
    assert list(published(installation)) == [new.id, old]
    assert signing(installation, SIGNS - MOMENT) == old
    assert signing(installation, SIGNS) == new.id
    assert keys.PUBLISHED_BEFORE.total_seconds() > ASKED_AGAIN_AFTER_S + ANSWER_WITHIN_S


def test_the_old_key_is_good_until_its_last_token_has_ended_and_then_erased(
    installation: Database,
) -> None:
    [old] = published(installation)
    new = rotate(installation)
    assert published(installation)[old].retires_at == RETIRES
    assert old in published(installation, RETIRES - MOMENT)
    assert list(published(installation, RETIRES)) == [new.id]
    installation.write(lambda session: keys.retire(session, RETIRES))
    assert installation.read(lambda session: session.get(TokenKey, old)) is None


def test_a_token_of_a_retired_key_is_refused_by_whoever_still_knows_it(
    sqlite_database: Database,
) -> None:
    now = datetime.now(UTC)
    sqlite_database.write(lambda session: keys.ensure_key(session, now))
    account = sqlite_database.write(
        lambda session: accounts.create_account(
            session, "ann", accounts.hash_password("long enough")
        )
    ).id
    token, _ = sqlite_database.read(lambda session: tokens.issue(session, account))
    [key] = published(sqlite_database, now).values()
    gone = PublicKey(key.id, key.pem, key.created_at, key.signs_at, retires_at=now)
    with pytest.raises(UnauthenticatedError, match="live key"):
        tokens.check(token, {key.id: gone})


def test_keys_are_rotated_again_once_the_new_one_signs(installation: Database) -> None:
    new = rotate(installation)
    with pytest.raises(FailedPreconditionError) as raised:
        rotate(installation, SIGNS - MOMENT)
    assert raised.value.reason == "KEY_NOT_YET_SIGNING"
    newest = rotate(installation, SIGNS)
    assert published(installation)[new.id].retires_at == newest.signs_at + (RETIRES - SIGNS)
    assert len(published(installation)) == 3


def test_a_rotation_is_told(installation: Database) -> None:
    rotate(installation)
    [told] = installation.read(lambda session: session.query(EventRow).all())
    assert (told.object_type, told.kind) == ("token_key", "created")


def test_of_two_processes_that_rotate_at_the_same_time_one_does(
    postgresql_database: Database,
) -> None:
    database = postgresql_database
    database.write(lambda session: keys.ensure_key(session, NOW - timedelta(days=1)))
    _, second = meeting(
        database, lambda one: keys.rotate(one, NOW), lambda other: keys.rotate(other, NOW)
    )
    with pytest.raises(FailedPreconditionError):
        second.result()
    assert len(published(database)) == 2


def test_a_site_keeps_what_is_published(database: Database) -> None:
    first = PublicKey("one", "pem", NOW, SIGNS, RETIRES)
    second = PublicKey("two", "pem", NOW, SIGNS)
    for known in ([first], [first, second], [second]):
        database.write(lambda session, known=known: keys.keep_published(session, known))  # type: ignore[misc]
        assert database.read(keys.kept_published) == {key.id: key for key in known}
