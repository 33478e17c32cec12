"""Tokens say who somebody is and what they may, and are checked without asking."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import jwt
import pytest
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.iam import accounts, keys, projects, regions, roles, tokens
from mulligan.iam.keys import PublicKey
from mulligan.iam.roles import Held
from mulligan.values import caller
from mulligan.values.caller import ROLES, SYSTEM, Caller
from mulligan.values.errors import FailedPreconditionError, UnauthenticatedError
from tests.fakes.place import new_name


def an_account(database: Database) -> str:
    database.write(lambda session: keys.ensure_key(session, datetime.now(UTC)))
    return database.write(
        lambda session: accounts.create_account(
            session, "ann", accounts.hash_password("long enough")
        )
    ).id


def published(database: Database) -> Mapping[str, PublicKey]:
    return database.read(lambda session: keys.public_keys(session, datetime.now(UTC)))


def test_a_token_tells_the_roles_of_its_account(database: Database) -> None:
    account = an_account(database)
    project = database.write(lambda session: projects.create_project(session, "shop")).id
    database.write(lambda session: roles.assign_role(session, account, "member", project))
    token, ends = database.read(lambda session: tokens.issue(session, account))
    caller = tokens.check(token, published(database))
    assert caller == Caller(account, {project: "member"}, expires_at=ends.replace(microsecond=0))
    assert caller.projects == [project]


def test_what_a_role_above_includes_is_not_in_the_token(database: Database) -> None:
    account = an_account(database)

    def give(session: Session) -> tuple[str, str, str]:
        top = projects.create_project(session, "top").id
        below = projects.create_project(session, "below", top).id
        region = regions.create_region(session, "home").id
        roles.assign_role(session, account, "member", top)
        roles.assign_role(session, account, "member", region=region)
        return top, below, region

    def token_roles() -> dict[str, str]:
        token, _ = database.read(lambda session: tokens.issue(session, account))
        return tokens.check(token, published(database)).roles

    top, below, region = database.write(give)
    for role, kept in (("reader", {}), ("member", {}), ("admin", {below: "admin"})):
        database.write(partial(roles.assign_role, account=account, role=role, project=below))
        assert token_roles() == {top: "member", region: "member", **kept}
    database.write(partial(roles.assign_role, account=account, role="operator"))
    assert token_roles() == {SYSTEM: "operator", below: "admin"}


def test_a_token_stays_short_enough_for_the_metadata_of_a_call(database: Database) -> None:
    account = an_account(database)
    tops = [
        database.write(lambda session: projects.create_project(session, new_name("top"))).id
        for _ in range(3)
    ]

    def give(top: str) -> Held:
        def give(session: Session) -> Held:
            between = projects.create_project(session, new_name("between"), top).id
            project = projects.create_project(session, new_name("project"), between).id
            return roles.assign_role(session, account, "operator", project)

        return database.write(give)

    def refuse(top: str) -> None:
        with pytest.raises(FailedPreconditionError, match="role revoke") as raised:
            give(top)
        assert raised.value.reason == "TOO_MANY_ROLES"

    held = [give(tops[0]) for _ in range(roles.MOST_IN_ONE_TREE)]
    refuse(tops[0])
    for _ in range(roles.MOST_ROLES - len(held)):
        give(tops[1])
    refuse(tops[2])
    # One that is there already can be another.
    database.write(
        partial(roles.assign_role, account=account, role="admin", project=held[0].project)
    )
    token, _ = database.read(lambda session: tokens.issue(session, account, str(uuid4())))
    assert len(token) < 6 << 10


def test_a_token_ends(database: Database) -> None:
    account = an_account(database)
    gone = timedelta(seconds=-1)
    token, _ = database.read(lambda session: tokens.issue(session, account, lifetime=gone))
    with pytest.raises(UnauthenticatedError) as raised:
        tokens.check(token, published(database))
    assert raised.value.reason == "TOKEN_EXPIRED"


@pytest.mark.parametrize(("ahead", "is_taken"), [(14, True), (17, False)])
def test_a_token_of_a_clock_that_is_ahead_is_taken_for_as_long_as_one_lives(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, ahead: int, is_taken: bool
) -> None:
    """Clients renew it: iam's clock may be right again."""
    monkeypatch.setattr(tokens, "LONGEST", keys.LIFETIME + keys.CLOCKS_DIFFER)
    account, now = an_account(sqlite_database), datetime.now(UTC)
    issue = partial(tokens.issue, account=account, now=now + timedelta(minutes=ahead))
    token, _ = sqlite_database.read(issue)
    if is_taken:
        assert tokens.check(token, published(sqlite_database)).account == account
    else:
        with pytest.raises(UnauthenticatedError, match=r"least 9\d\d s ahead") as raised:
            tokens.check(token, published(sqlite_database))
        assert raised.value.reason == "TOKEN_EXPIRED"


def test_a_token_that_is_known_again_ends_too(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = an_account(sqlite_database)
    token, ends = sqlite_database.read(lambda session: tokens.issue(session, account))
    live = published(sqlite_database)
    assert tokens.check(token, live) == tokens.check(token, live)
    with pytest.raises(UnauthenticatedError, match="live key"):
        tokens.check(token, {})
    monkeypatch.setattr(caller, "datetime", SimpleNamespace(now=lambda _: ends))
    with pytest.raises(UnauthenticatedError) as raised:
        tokens.check(token, live)
    assert raised.value.reason == "TOKEN_EXPIRED"


def test_a_token_of_a_key_that_is_not_live_is_refused(sqlite_database: Database) -> None:
    account = an_account(sqlite_database)
    token, _ = sqlite_database.read(lambda session: tokens.issue(session, account))
    with pytest.raises(UnauthenticatedError):
        tokens.check(token, {})


@pytest.mark.parametrize("header", [b"", b"[]", b"null", b"1", b"\xff", b"[" * 6000, b"{", b"{}"])
def test_what_is_no_token_is_refused(header: bytes) -> None:
    for encoded in (urlsafe_b64encode(header).decode(), header.decode("latin-1")):
        with pytest.raises(UnauthenticatedError):
            tokens.check(f"{encoded}.e30.e30", {})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"aud": "another"}, "Audience"),
        ({"iss": "another"}, "issuer"),
        ({"sub": None}, "sub"),
        ({"exp": datetime.now(UTC) + timedelta(days=1)}, "too long"),
        ({"nbf": datetime.now(UTC) + timedelta(days=1)}, "nbf"),
        (
            {
                "iat": datetime.now(UTC) + timedelta(days=1),
                "exp": datetime.now(UTC) + timedelta(days=1, minutes=10),
            },
            "from the future",
        ),
    ],
)
def test_a_token_for_others_or_for_later_is_refused(
    sqlite_database: Database, changed: dict[str, Any], said: str
) -> None:
    account = an_account(sqlite_database)
    token, _ = sqlite_database.read(lambda session: tokens.issue(session, account))
    claims = jwt.decode(token, options={"verify_signature": False}) | changed
    key = sqlite_database.read(lambda session: keys.signing_key(session, datetime.now(UTC)))
    claims = {name: value for name, value in claims.items() if value is not None}
    other = jwt.encode(claims, key.private_key, algorithm="EdDSA", headers={"kid": key.id})
    with pytest.raises(UnauthenticatedError, match=said):
        tokens.check(other, published(sqlite_database))


@pytest.mark.parametrize("held", ROLES)
@pytest.mark.parametrize("needed", ROLES)
def test_a_role_includes_the_ones_before_it(held: str, needed: str) -> None:
    enough = ROLES.index(held) >= ROLES.index(needed)
    assert Caller("a", {"p": held}).has(needed, "p") == enough
    assert Caller("a", {SYSTEM: held}).has(needed, "p") == enough
    assert not Caller("a", {"p": held}).has(needed, "other")
    assert not Caller("a", {"p": held}).has(needed)
