"""mulligan logout, session, token-key: where somebody is logged in, and how that ends."""

import json

import pytest

from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.store import Login, Store
from tests.client.conftest import Run
from tests.client.fake_mulligan import ACCOUNT, OPERATION, FakeMulligan, RefusalError, ago

HERE = iam_pb2.Session(
    id=OPERATION,
    account=ACCOUNT,
    address="192.0.2.1/32",
    created_at=ago(200),
    refreshed_at=ago(100),
    ends_at=ago(-600_000),
    current=True,
)


def test_logout_ends_the_session_and_forgets_its_tokens(
    run: Run, fake: FakeMulligan, logged_in: Store
) -> None:
    before = logged_in.read()
    logged_in.write(Login(**{**vars(before), "refresh_token": "r", "renew_at": "99999999999"}))
    fake.on("SignOut", HERE)
    result = run("logout")
    assert result.exit_code == 0, result.stderr
    assert len(fake.asked("SignOut")) == 1
    after = logged_in.read()
    assert (after.token, after.refresh_token, after.project) == ("", "", before.project)
    assert f"mulligan login {fake.address}" in run("machine", "list").stderr


def test_logout_with_a_token_of_the_environment_leaves_the_stored_login(
    run: Run, fake: FakeMulligan, logged_in: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = logged_in.read()
    fake.on("SignOut", HERE)
    monkeypatch.setenv("MULLIGAN_TOKEN", "another")
    assert run("logout").exit_code == 0
    assert fake.calls[-1].metadata["authorization"] == "Bearer another"
    assert logged_in.read() == before


@pytest.mark.parametrize(
    ("refusal", "remarked"),
    [
        (RefusalError("UNAUTHENTICATED", "SESSION_REVOKED", "signed out"), False),
        (RefusalError("FAILED_PRECONDITION", "NO_SESSION", "no session"), True),
    ],
)
def test_logout_forgets_whatever_the_server_says(
    run: Run, fake: FakeMulligan, logged_in: Store, refusal: RefusalError, remarked: bool
) -> None:
    fake.on("SignOut", refusal)
    result = run("logout")
    assert result.exit_code == 0, result.stderr
    assert ("mulligan session revoke" in result.stderr) == remarked
    assert logged_in.read().token == ""


def test_sessions_are_listed_and_revoked(run: Run, fake: FakeMulligan, logged_in: Store) -> None:
    fake.on("ListSessions", iam_pb2.ListSessionsResponse(sessions=[HERE]))
    fake.on("RevokeSession", HERE)
    shown = run("session", "list", "--account", "ann").stdout
    assert OPERATION in shown
    assert "192.0.2.1/32" in shown
    assert fake.asked("ListSessions")[0].account == ACCOUNT
    result = run("session", "revoke", OPERATION, "-o", "json")
    assert json.loads(result.stdout)["id"] == OPERATION
    [asked] = fake.asked("RevokeSession")
    assert (asked.id, bool(asked.request_id)) == (OPERATION, True)


def test_the_keys_of_tokens_are_listed_and_rotated(
    run: Run, fake: FakeMulligan, logged_in: Store
) -> None:
    key = iam_pb2.TokenKey(key_id="0123", public_key="PEM", created_at=ago(9), signs_at=ago(-1))
    fake.on("ListTokenKeys", iam_pb2.ListTokenKeysResponse(keys=[key]))
    fake.on("RotateTokenKeys", key)
    for command in ("list", "rotate"):
        result = run("token-key", command)
        assert result.exit_code == 0, result.stderr
        assert "0123" in result.stdout
    assert fake.asked("RotateTokenKeys")[0].request_id
