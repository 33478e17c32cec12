"""Sessions: refreshed for as long as nobody else has the token, and revoked when somebody may."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, func, select

from mulligan.database import Database
from mulligan.events import EventRow
from mulligan.iam import accounts, keys, roles, sessions, sign_ins
from mulligan.iam.sessions import IDLE, LONGEST, SignedIn
from mulligan.iam.tables import Account, RefreshToken, SignInSession
from mulligan.values.caller import Caller
from mulligan.values.errors import NotFoundError, UnauthenticatedError
from tests.mulligan.iam.held import meeting

NOW = datetime(2027, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(sign_ins, "hasher", quick)


@pytest.fixture
def installation(database: Database) -> Database:
    """A key, and Ann."""
    prepare(database)
    return database


def prepare(database: Database) -> None:
    database.write(lambda session: keys.ensure_key(session, NOW - DAY))
    database.write(
        lambda session: accounts.create_account(
            session, "ann", accounts.hash_password("long enough")
        )
    )


def account(database: Database) -> str:
    return database.read(lambda session: session.scalars(select(Account.id)).first()) or ""


def start(database: Database, now: datetime = NOW) -> SignedIn:
    return database.write(lambda session: sessions.start(session, account(database), "", now))


def refresh(
    database: Database, token: str, request: str = "1", now: datetime = NOW
) -> SignedIn | UnauthenticatedError | None:
    return database.write(lambda session: sessions.refresh(session, token, request, now))


def refreshed(database: Database, token: str, request: str = "1", now: datetime = NOW) -> SignedIn:
    found = refresh(database, token, request, now)
    assert isinstance(found, SignedIn), found
    return found


def refusal(database: Database, token: str, request: str = "1", now: datetime = NOW) -> str:
    found = refresh(database, token, request, now)
    assert isinstance(found, UnauthenticatedError), found
    assert "signed out" in found.message
    assert "mulligan login" in found.message
    return found.reason


def told(database: Database, identity: str) -> list[str]:
    query = select(EventRow.kind).where(EventRow.object_id == identity).order_by(EventRow.revision)
    return list(database.read(lambda session: session.scalars(query).all()))


def test_a_refresh_gives_the_next_token_and_the_roles_as_of_now(installation: Database) -> None:
    first = start(installation)
    who = first.account
    installation.write(lambda session: roles.assign_role(session, who, "member"))
    second = refreshed(installation, first.refresh_token)
    assert second.session == first.session
    assert second.refresh_token != first.refresh_token
    claims = jwt.decode(second.access_token, options={"verify_signature": False})
    assert (claims["sub"], claims["sid"], claims["roles"]) == (who, first.session, {"": "member"})
    assert claims["exp"] - claims["iat"] == keys.LIFETIME.total_seconds()
    assert refreshed(installation, second.refresh_token).session == first.session


def test_a_lost_answer_is_given_again(installation: Database) -> None:
    first = start(installation)
    second, again = (refreshed(installation, first.refresh_token) for _ in range(2))
    assert again.refresh_token == second.refresh_token
    assert refreshed(installation, second.refresh_token, "2")


@pytest.mark.parametrize("request_id", ["1", "another"])
def test_a_spent_token_revokes_all_once_the_next_one_was_used(
    installation: Database, request_id: str
) -> None:
    first = start(installation)
    second = refreshed(installation, first.refresh_token)
    third = refreshed(installation, second.refresh_token)
    assert refusal(installation, first.refresh_token, request_id) == "SESSION_REVOKED"
    assert refusal(installation, third.refresh_token) == "SESSION_REVOKED"
    assert told(installation, first.session) == ["created", "revoked"]


def test_a_spent_token_with_another_request_revokes_all(installation: Database) -> None:
    first, other = start(installation), start(installation)
    second = refreshed(installation, first.refresh_token)
    assert refusal(installation, first.refresh_token, "2") == "SESSION_REVOKED"
    assert refusal(installation, second.refresh_token) == "SESSION_REVOKED"
    assert refreshed(installation, other.refresh_token)


def test_of_many_that_have_the_same_token_one_spends_it(installation: Database) -> None:
    first = start(installation)
    with ThreadPoolExecutor(8) as threads:
        found = list(
            threads.map(
                lambda number: refresh(installation, first.refresh_token, str(number)), range(8)
            )
        )
    assert sum(isinstance(one, SignedIn) for one in found) == 1
    given = installation.read(
        lambda session: session.scalar(select(func.count()).select_from(RefreshToken))
    )
    assert given == 2
    assert told(installation, first.session) == ["created", "revoked"]


def test_of_two_processes_that_have_the_same_token_one_spends_it(
    postgresql_database: Database,
) -> None:
    database = postgresql_database
    prepare(database)
    first = start(database)
    token = first.refresh_token
    spent, second = meeting(
        database,
        lambda one: sessions.refresh(one, token, "one", NOW),
        lambda other: sessions.refresh(other, token, "other", NOW),
    )
    assert isinstance(spent, SignedIn)
    assert isinstance(second.result(), UnauthenticatedError)
    assert told(database, first.session) == ["created", "revoked"]


def test_of_two_processes_that_are_asked_the_same_both_give_the_same(
    postgresql_database: Database,
) -> None:
    database = postgresql_database
    prepare(database)
    token = start(database).refresh_token
    found, second = meeting(
        database,
        lambda one: sessions.refresh(one, token, "one", NOW),
        lambda other: sessions.refresh(other, token, "one", NOW),
    )
    again = second.result()
    assert isinstance(found, SignedIn)
    assert isinstance(again, SignedIn)
    assert found.refresh_token == again.refresh_token


def test_a_session_ends_when_it_is_idle(installation: Database) -> None:
    first = start(installation)
    second = refreshed(installation, first.refresh_token, now=NOW + IDLE - DAY)
    assert second.session_ends_at == NOW + 2 * IDLE - DAY
    later = NOW + 2 * IDLE - DAY
    assert refusal(installation, second.refresh_token, now=later) == "SESSION_EXPIRED"


def test_a_session_ends_however_often_it_is_refreshed(installation: Database) -> None:
    found, now = start(installation), NOW
    while now + IDLE / 2 < NOW + LONGEST:
        now += IDLE / 2
        found = refreshed(installation, found.refresh_token, now=now)
    assert found.session_ends_at == NOW + LONGEST
    end = NOW + LONGEST
    assert refusal(installation, found.refresh_token, now=end) == "SESSION_EXPIRED"


def test_what_ended_long_ago_is_forgotten(installation: Database) -> None:
    first = start(installation)
    refreshed(installation, first.refresh_token)
    start(installation, NOW + LONGEST + DAY)
    assert refresh(installation, first.refresh_token) is None
    rows = installation.read(lambda session: session.scalars(select(RefreshToken)).all())
    assert len(rows) == 1


def test_nobody_had_a_token_that_was_made_up(installation: Database) -> None:
    assert refresh(installation, "made up") is None


def test_an_account_that_is_no_more_is_not_refreshed(installation: Database) -> None:
    first = start(installation)
    installation.write(lambda session: session.execute(delete(Account)))
    assert refusal(installation, first.refresh_token) == "SESSION_REVOKED"


def test_all_sessions_of_an_account_are_revoked(installation: Database) -> None:
    mine = [start(installation) for _ in range(2)]
    who = mine[0].account
    for _ in range(2):
        installation.write(
            lambda session: sessions.revoke_all(session, who, "the password was changed")
        )
    for one in mine:
        found = refresh(installation, one.refresh_token)
        assert isinstance(found, UnauthenticatedError)
        assert found.message.startswith("signed out: the password was changed;")
        assert told(installation, one.session) == ["created", "revoked"]
    assert installation.read(lambda session: sessions.list_live(session, who, "", 9, NOW)) == []


def test_sessions_are_listed_while_they_can_be_refreshed(installation: Database) -> None:
    made = {start(installation, NOW + n * DAY).session for n in range(3)}
    who = account(installation)

    def listed(after: str, limit: int, now: datetime) -> list[str]:
        return [
            row.id
            for row in installation.read(
                lambda session: sessions.list_live(session, who, after, limit, now)
            )
        ]

    assert set(listed("", 9, NOW + 2 * DAY)) == made
    assert listed(min(made), 1, NOW + 2 * DAY) == sorted(made)[1:2]
    assert len(listed("", 9, NOW + IDLE + DAY / 2)) == 2


def test_a_session_is_its_owners_or_an_admins_to_revoke(installation: Database) -> None:
    first = start(installation)
    ann, stranger = Caller(first.account, {}), Caller("b", {"": "operator"})
    admin = Caller("a", {"": "admin"})

    def revoke(caller: Caller) -> SignInSession:
        return installation.write(
            lambda session: sessions.revoke(session, first.session, caller, "by hand", NOW)
        )

    with pytest.raises(NotFoundError):
        revoke(stranger)
    assert revoke(ann).revoked_at == NOW
    assert revoke(admin).reason == "by hand"


def test_no_token_is_kept_or_shown(installation: Database) -> None:
    first = start(installation)
    second = refreshed(installation, first.refresh_token)
    assert first.refresh_token not in repr(first)
    assert first.access_token not in repr(first)
    kept = installation.read(lambda session: session.scalars(select(RefreshToken.digest)).all())
    assert not {first.refresh_token, second.refresh_token} & set(kept)
