"""Sessions and the keys of their tokens, through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from mulligan.iam import keys, sign_ins
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import new_name
from tests.fakes.site import LONG, PASSWORD, Site


def sign_in(site: Site, role: int = common_pb2.ROLE_READER) -> Any:
    """A session of an account of its own."""
    name = new_name("account")
    account = site.admin.CreateAccount(name=name, password=PASSWORD).metadata.id
    site.admin.AssignRole(account=account, role=role)
    return site.caller().Login(account=name, password=PASSWORD)


def caller_of(site: Site, signed_in: Any) -> Caller:
    return site.caller(signed_in.access_token)


def test_a_refresh_token_gives_the_next_tokens(site: Site) -> None:
    first = sign_in(site)
    assert timedelta(0) < first.lifetime.ToTimedelta() <= keys.LIFETIME
    nobody, request_id = site.caller(), str(uuid4())
    second = nobody.RefreshToken(refresh_token=first.refresh_token, request_id=request_id)
    again = nobody.RefreshToken(refresh_token=first.refresh_token, request_id=request_id)
    assert second.refresh_token == again.refresh_token != first.refresh_token
    assert (second.account, second.session) == (first.account, first.session)
    assert caller_of(site, second).ListRegions() is not None


def test_a_refresh_token_that_is_used_again_signs_everybody_out(site: Site) -> None:
    first = sign_in(site)
    second = site.caller().RefreshToken(refresh_token=first.refresh_token)
    for token in (first.refresh_token, second.refresh_token):
        with refused("UNAUTHENTICATED", "SESSION_REVOKED", about="refresh_token") as refusal:
            site.caller().RefreshToken(refresh_token=token)
        assert "used a second time" in refusal.message
        assert "mulligan login" in refusal.message


def test_a_refresh_token_that_nobody_was_given_counts_as_a_failure(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.sign_in.address_of", lambda _: "192.0.2.1/32")
    with refused("UNAUTHENTICATED", "REFRESH_TOKEN_UNKNOWN", about="refresh_token"):
        site.caller().RefreshToken(refresh_token="made up")
    soon = datetime.now(UTC) + timedelta(seconds=40)
    for _ in range(sign_ins.RULES["address"].free):
        site.installation.write(lambda session: sign_ins.fail(session, "192.0.2.1/32", soon))
    with refused("UNAUTHENTICATED", "SIGN_IN_SLOWED"):
        site.caller().RefreshToken(refresh_token="made up")
    monkeypatch.setattr("api.sign_in.address_of", lambda _: "")
    mine = sign_in(site)
    monkeypatch.setattr("api.sign_in.address_of", lambda _: "192.0.2.1/32")
    assert site.caller().RefreshToken(refresh_token=mine.refresh_token)


def test_signing_out_revokes_the_callers_session_only(site: Site) -> None:
    first = sign_in(site)
    me = caller_of(site, first)
    [shown] = me.ListSessions().sessions
    assert (shown.id, shown.account, shown.current) == (first.session, first.account, True)
    assert shown.ends_at == first.session_ends_at
    request_id = str(uuid4())
    out = me.SignOut(request_id=request_id)
    assert out == me.SignOut(request_id=request_id)
    assert (out.id, out.HasField("revoked_at")) == (first.session, True)
    assert list(me.ListSessions().sessions) == []
    with refused("UNAUTHENTICATED", "SESSION_REVOKED"):
        site.caller().RefreshToken(refresh_token=first.refresh_token)


def test_a_token_without_a_session_signs_nobody_out(site: Site) -> None:
    with refused("FAILED_PRECONDITION", "NO_SESSION"):
        site.admin.SignOut()


def test_sessions_are_shown_to_their_owner_and_to_admins(site: Site) -> None:
    mine, theirs = sign_in(site), sign_in(site, common_pb2.ROLE_OPERATOR)
    with refused("PERMISSION_DENIED"):
        caller_of(site, theirs).ListSessions(account=mine.account)
    [shown] = site.admin.ListSessions(account=mine.account, page={"size": 1}).sessions
    assert (shown.id, shown.current) == (mine.session, False)
    with refused("INVALID_ARGUMENT", about="account"):
        site.admin.ListSessions(account="somebody")


def test_sessions_are_revoked_by_their_owner_and_by_admins(site: Site) -> None:
    mine, theirs = sign_in(site), sign_in(site)
    with refused("NOT_FOUND") as refusal:
        caller_of(site, theirs).RevokeSession(id=mine.session)
    with refused("NOT_FOUND") as unknown:
        caller_of(site, theirs).RevokeSession(id=(made_up := str(uuid4())))
    assert refusal.message.replace(mine.session, made_up) == unknown.message
    caller_of(site, mine).RevokeSession(id=mine.session)
    site.admin.RevokeSession(id=theirs.session)
    for one in (mine, theirs):
        with refused("UNAUTHENTICATED", "SESSION_REVOKED"):
            site.caller().RefreshToken(refresh_token=one.refresh_token)


@pytest.mark.parametrize(
    "changes", [{"password": "another one"}, {"disabled": True}], ids=["password", "disabled"]
)
def test_an_account_that_is_changed_by_an_admin_is_signed_out(
    site: Site, changes: dict[str, Any]
) -> None:
    mine = sign_in(site)
    mask = {"paths": list(changes)}
    site.admin.UpdateAccount(id=mine.account, update_mask=mask, **changes)
    with refused("UNAUTHENTICATED", "SESSION_REVOKED") as refusal:
        site.caller().RefreshToken(refresh_token=mine.refresh_token)
    assert "password" in refusal.message or "disabled" in refusal.message


def test_who_changes_their_password_stays_signed_in_there_only(site: Site) -> None:
    mine = sign_in(site)
    there = site.caller().Login(account=mine.account, password=PASSWORD)
    caller_of(site, mine).ChangePassword(old_password=PASSWORD, password="another one")
    assert site.caller().RefreshToken(refresh_token=mine.refresh_token)
    with refused("UNAUTHENTICATED", "SESSION_REVOKED"):
        site.caller().RefreshToken(refresh_token=there.refresh_token)


def test_a_deleted_account_is_signed_out(site: Site) -> None:
    mine = sign_in(site)
    site.admin.DeleteAccount(id=mine.account)
    with refused("UNAUTHENTICATED", "SESSION_REVOKED"):
        site.caller().RefreshToken(refresh_token=mine.refresh_token)


def test_a_rotated_key_is_published_and_does_not_sign_yet(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What this site gave to other tests goes on being good for as long as it was meant to be.
    monkeypatch.setattr(keys, "CLOCKS_DIFFER", LONG)
    before = sign_in(site)
    request_id = str(uuid4())
    key = site.admin.RotateTokenKeys(request_id=request_id)
    assert site.admin.RotateTokenKeys(request_id=request_id) == key
    assert key.signs_at.ToDatetime() - key.created_at.ToDatetime() == keys.PUBLISHED_BEFORE
    published = {one.key_id: one for one in site.caller().ListTokenKeys().keys}
    assert not published[key.key_id].HasField("retires_at")
    signed = jwt.get_unverified_header(sign_in(site).access_token)["kid"]
    assert signed == jwt.get_unverified_header(before.access_token)["kid"]
    assert published[signed].retires_at.ToDatetime() > key.signs_at.ToDatetime()
    assert caller_of(site, before).ListRegions() is not None
    with refused("FAILED_PRECONDITION", "KEY_NOT_YET_SIGNING"):
        site.admin.RotateTokenKeys()
