"""mulligan app-credential: made with a secret that is shown once, seen, narrowed, deleted."""

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import ACCOUNT, OPERATION, PROJECT, REGION, FakeMulligan

pytestmark = pytest.mark.usefixtures("logged_in")

CI = iam_pb2.ApplicationCredential(
    metadata=common_pb2.Metadata(id=OPERATION, name="ci", slug="ci"),
    creator=ACCOUNT,
    roles=[iam_pb2.GivenRole(role=common_pb2.ROLE_MEMBER, project=PROJECT)],
    methods=["ControlService/GetMachine"],
    region=REGION,
)


def test_a_secret_is_made_and_shown_once(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateApplicationCredential", CI)
    result = run(
        "app-credential", "create", "ci", "--role", "member@project:default",
        "--role", "operator@region:home", "--role", "admin",
        "--method", "ControlService/GetMachine", "--region", "home",
        "--expires-at", "2031-01-01T00:00:00Z",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("CreateApplicationCredential")
    assert len(asked.secret) >= 32
    assert f"secret: {asked.secret}" in result.stdout
    assert [(one.role, one.project, one.region) for one in asked.roles] == [
        (common_pb2.ROLE_MEMBER, PROJECT, ""),
        (common_pb2.ROLE_OPERATOR, "", REGION),
        (common_pb2.ROLE_ADMIN, "", ""),
    ]
    assert (asked.region, list(asked.methods)) == (REGION, ["ControlService/GetMachine"])
    assert asked.HasField("expires_at")
    assert "member of default" in result.stdout


@pytest.mark.parametrize("role", ["boss@project:default", "member@planet:mars"])
def test_a_role_that_is_none_is_refused(run: Run, fake: FakeMulligan, role: str) -> None:
    result = run("app-credential", "create", "ci", "--role", role)
    assert result.exit_code == Exit.USAGE
    assert fake.asked("CreateApplicationCredential") == []


def test_one_is_listed_shown_and_deleted_by_its_name(run: Run, fake: FakeMulligan) -> None:
    answer = iam_pb2.ListApplicationCredentialsResponse(application_credentials=[CI])
    fake.on("ListApplicationCredentials", answer)
    fake.on("GetApplicationCredential", CI)
    fake.on("DeleteApplicationCredential", iam_pb2.DeleteApplicationCredentialResponse())
    for words in (("list", "--creator", "ann"), ("show", "ci")):
        result = run("app-credential", *words)
        assert result.exit_code == 0, result.stderr
        assert "ControlService/GetMachine" in result.stdout
    assert run("app-credential", "delete", "ci", "--yes").exit_code == 0
    assert fake.asked("ListApplicationCredentials")[0].creator == ACCOUNT
    assert fake.asked("GetApplicationCredential")[0].id == OPERATION
    assert fake.asked("DeleteApplicationCredential")[0].id == OPERATION


def test_one_is_renamed_and_narrowed_by_what_is_said(run: Run, fake: FakeMulligan) -> None:
    answer = iam_pb2.ListApplicationCredentialsResponse(application_credentials=[CI])
    fake.on("ListApplicationCredentials", answer)
    fake.on("UpdateApplicationCredential", CI)
    result = run("app-credential", "set", "ci", "--name", "cd", "--generation", "3")
    assert result.exit_code == 0, result.stderr
    result = run(
        "app-credential", "set", "ci", "--role", "reader@project:default",
        "--expires-at", "2031-01-01T00:00:00Z", "--method", "ControlService/GetMachine",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    named, narrowed = fake.asked("UpdateApplicationCredential")
    assert (named.id, named.name, named.generation) == (OPERATION, "cd", 3)
    assert list(named.update_mask.paths) == ["name"]
    assert list(narrowed.update_mask.paths) == ["roles", "expires_at", "methods"]
    assert [(one.role, one.project) for one in narrowed.roles] == [
        (common_pb2.ROLE_READER, PROJECT)
    ]
    assert narrowed.expires_at.ToJsonString() == "2031-01-01T00:00:00Z"
    assert list(narrowed.methods) == ["ControlService/GetMachine"]


def test_what_changes_nothing_is_not_asked(run: Run, fake: FakeMulligan) -> None:
    assert run("app-credential", "set", "ci").exit_code == Exit.USAGE
    assert fake.asked("UpdateApplicationCredential") == []
