"""Who fails to sign in is slowed down, by account and by address, and who does not is not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from time import monotonic

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.iam import accounts, keys, sessions, sign_ins
from mulligan.iam.sign_ins import RULES, Attempt, Rule
from mulligan.iam.tables import SignInTries
from mulligan.values.errors import UnauthenticatedError

NOW = datetime(2027, 3, 1, tzinfo=UTC)
PASSWORD = "long enough"
LIMIT_S = 30
FREE = RULES["both"].free


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(sign_ins, "hasher", quick)


@pytest.fixture
def installation(database: Database) -> Database:
    """Ann and Bob have accounts."""
    database.write(lambda session: keys.ensure_key(session, NOW))
    database.write(
        lambda session: accounts.create_account(session, "ann", accounts.hash_password(PASSWORD))
    )
    database.write(
        lambda session: accounts.create_account(session, "bob", accounts.hash_password(PASSWORD))
    )
    return database


def begin(
    database: Database, name: str = "ann", address: str = "10.0.0.1/32", after: float = 0
) -> Attempt:
    now = NOW + timedelta(seconds=after)
    return database.write(lambda session: sign_ins.begin(session, name, address, now))


def succeed(database: Database, attempt: Attempt, after: float = 0) -> UnauthenticatedError | None:
    now = NOW + timedelta(seconds=after)
    return database.write(lambda session: sign_ins.succeed(session, attempt, now))


def fail(database: Database, times: int, name: str = "ann", address: str = "10.0.0.1/32") -> None:
    for _ in range(times):
        assert not begin(database, name, address).fits("wrong")


def wait_of(database: Database, name: str = "ann", address: str = "10.0.0.1/32") -> int:
    """How long a try has to wait; it does not count."""
    with pytest.raises(UnauthenticatedError) as raised:
        begin(database, name, address)
    assert raised.value.reason == "SIGN_IN_SLOWED"
    return int(raised.value.details["retry_after_s"])


def test_after_some_failures_each_doubles_the_wait_up_to_a_limit() -> None:
    rule = Rule(3, timedelta(seconds=10))
    waits = [rule.wait(failures).total_seconds() for failures in (0, 3, 4, 5, 6, 7, 8, 1000)]
    assert waits == [0, 0, 1, 2, 4, 8, 10, 10]


def test_who_fails_with_an_account_is_slowed_and_its_owner_elsewhere_is_not(
    installation: Database,
) -> None:
    fail(installation, FREE + 1)
    assert wait_of(installation) == 1
    assert begin(installation, address="10.0.0.2/32").fits(PASSWORD)
    assert begin(installation, "bob").fits(PASSWORD)
    begin(installation, after=1)
    assert wait_of(installation) == 3  # Two from a second later on.


def test_a_sign_in_after_the_wait_forgets_the_failures(installation: Database) -> None:
    fail(installation, FREE + 1)
    attempt = begin(installation, after=1)
    assert attempt.fits(PASSWORD)
    assert succeed(installation, attempt, after=1) is None
    for _ in range(FREE):
        begin(installation, after=1)


def test_a_right_password_of_who_must_not_sign_in_is_no_failure(installation: Database) -> None:
    attempt = begin(installation)
    disable = partial(accounts.update_account, account=attempt.account, disabled=True)
    installation.write(disable)
    for _ in range(FREE + 2):
        refusal = succeed(installation, begin(installation))
        assert refusal is not None
        assert refusal.reason == "ACCOUNT_DISABLED"
    failures = select(SignInTries.failures).where(SignInTries.kind == "both")
    assert installation.read(lambda session: session.scalars(failures).all()) == [0]


def test_an_address_is_slowed_whichever_accounts_it_tries(installation: Database) -> None:
    for number in range(RULES["address"].free + 1):
        fail(installation, 1, f"nobody-{number}")
    assert wait_of(installation) == 1
    assert begin(installation, address="10.0.0.2/32").fits(PASSWORD)


def test_who_waits_by_its_address_is_refused_without_writing(installation: Database) -> None:
    for _ in range(RULES["address"].free + 1):
        installation.write(lambda session: sign_ins.fail(session, "10.0.0.1/32", NOW))

    def look(session: Session, address: str, after: float) -> None:
        sign_ins.refuse_slowed(session, address, NOW + timedelta(seconds=after))
        assert not sessions.is_known(session, "made up")

    with pytest.raises(UnauthenticatedError) as raised:
        installation.read(partial(look, address="10.0.0.1/32", after=0))
    assert raised.value.reason == "SIGN_IN_SLOWED"
    for address, after in (("10.0.0.1/32", 1), ("10.0.0.2/32", 0), ("", 0)):
        installation.read(partial(look, address=address, after=after))


def test_an_account_is_slowed_when_it_is_tried_from_many_addresses(
    installation: Database,
) -> None:
    for number in range(RULES["account"].free + 1):
        fail(installation, 1, address=f"10.0.1.{number}/32")
    assert wait_of(installation, address="10.0.0.2/32") == 1


def test_the_names_of_an_account_count_together(installation: Database) -> None:
    found = begin(installation).account
    for _ in range(FREE // 2):
        fail(installation, 1, found)
        fail(installation, 1)
    assert wait_of(installation) == 1


def test_what_a_clock_far_ahead_wrote_slows_nobody(installation: Database) -> None:
    for _ in range(FREE + 1):
        begin(installation, after=7200)
    assert begin(installation).fits(PASSWORD)


def test_the_hash_of_a_password_is_not_shown(installation: Database) -> None:
    attempt = begin(installation)
    assert attempt.password_hash not in repr(attempt)


def test_a_socket_file_has_no_address_to_be_slowed(installation: Database) -> None:
    for number in range(RULES["address"].free + 1):
        fail(installation, 1, f"nobody-{number}", address="")
    assert begin(installation, address="").fits(PASSWORD)


def test_whether_there_is_an_account_does_not_show(installation: Database) -> None:
    fail(installation, FREE + 1, "nobody")
    assert wait_of(installation, "nobody") == 1
    assert not begin(installation, "nobody", after=1).fits("nobody has this password")


def test_what_is_slowed_does_not_count(installation: Database) -> None:
    fail(installation, FREE + 1)
    for _ in range(20):
        assert wait_of(installation) == 1
    assert begin(installation, after=1).fits(PASSWORD)


def test_many_at_once_get_no_more_tries(installation: Database) -> None:
    def tried(_: int) -> bool:
        try:
            begin(installation)
        except UnauthenticatedError:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(tried, range(48))) == FREE + 1


def test_failures_are_forgotten_after_an_hour_and_nothing_is_kept_of_them(
    installation: Database,
) -> None:
    fail(installation, FREE + 1)
    later = sign_ins.FORGOTTEN.total_seconds() + 1
    begin(installation, "bob", "10.0.0.2/32", after=later)
    kept = installation.read(
        lambda session: session.scalar(select(func.count()).select_from(SignInTries))
    )
    assert kept == 3
    assert begin(installation, after=later).fits(PASSWORD)


def test_a_password_that_is_changed_while_it_is_compared_is_the_old_one(
    installation: Database,
) -> None:
    attempt = begin(installation)
    assert attempt.fits(PASSWORD)
    installation.write(
        lambda session: accounts.update_account(
            session, attempt.account, password_hash=accounts.hash_password("brand new")
        )
    )
    refusal = succeed(installation, attempt)
    assert refusal is not None
    assert refusal.reason == "LOGIN_REFUSED"
    with pytest.raises(UnauthenticatedError):
        installation.write(lambda session: sign_ins.require_same_password(session, attempt))
    assert succeed(installation, begin(installation)) is None


def test_whoever_signs_in_waits_for_who_changes_the_password(
    postgresql_database: Database,
) -> None:
    database = postgresql_database
    database.write(lambda session: keys.ensure_key(session, NOW))
    database.write(
        lambda session: accounts.create_account(session, "ann", accounts.hash_password(PASSWORD))
    )
    attempt, waits = begin(database), Event()

    def change(session: Session) -> None:
        new = accounts.hash_password("brand new")
        accounts.update_account(session, attempt.account, password_hash=new)
        session.flush()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(until_somebody_waits).result()

    def until_somebody_waits() -> None:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        query = text(f"{waiting} AND datname = current_database()")
        waits.set()
        give_up_at = monotonic() + LIMIT_S
        while not database.read(lambda session: session.execute(query).scalar_one()):
            assert monotonic() < give_up_at, "nobody waits"

    with ThreadPoolExecutor(2) as pool:
        changed = pool.submit(database.write, change)
        waits.wait()
        refusal = pool.submit(succeed, database, attempt).result()
        changed.result()
    assert refusal is not None
