"""mulligan project, region, account, role: what is asked for and what is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import ACCOUNT, PROJECT, REGION, FakeMulligan

pytestmark = pytest.mark.usefixtures("logged_in")

CHILD = "c0000000-0000-4000-8000-000000000001"
PLACES: dict[str, Any] = {
    "project": (iam_pb2.Project, PROJECT, "default"),
    "region": (iam_pb2.Region, REGION, "home"),
}
both = pytest.mark.parametrize("noun", PLACES)


def a_child(noun: str) -> Any:
    kind, parent, _ = PLACES[noun]
    return kind(metadata=common_pb2.Metadata(id=CHILD, name="below", generation=3), parent=parent)


def an_account(**fields: Any) -> iam_pb2.Account:
    return iam_pb2.Account(metadata=common_pb2.Metadata(id=ACCOUNT, name="ann"), **fields)


@both
def test_a_place_is_made_shown_and_renamed(run: Run, fake: FakeMulligan, noun: str) -> None:
    _, parent, above = PLACES[noun]
    for rpc in ("Create", "Get", "Update"):
        fake.on(f"{rpc}{noun.capitalize()}", a_child(noun))
    made = run(noun, "create", "below", "--parent", above)
    assert made.exit_code == 0, made.stderr
    [asked] = fake.asked(f"Create{noun.capitalize()}")
    assert (asked.name, asked.parent) == ("below", parent)
    shown = run(noun, "show", CHILD)
    assert above in shown.stdout
    assert json.loads(run(noun, "show", CHILD, "-o", "json").stdout)["parent"] == parent
    renamed = run(noun, "set", above, "--name", "other", "--generation", "2")
    assert renamed.exit_code == 0, renamed.stderr
    [asked] = fake.asked(f"Update{noun.capitalize()}")
    assert (asked.id, asked.name, asked.generation) == (parent, "other", 2)
    assert list(asked.update_mask.paths) == ["name"]
    assert run(noun, "set", above).exit_code == Exit.USAGE


@both
def test_a_place_is_deleted_after_a_yes(run: Run, fake: FakeMulligan, noun: str) -> None:
    _, place, name = PLACES[noun]
    rpc = f"Delete{noun.capitalize()}"
    fake.on(rpc, getattr(iam_pb2, f"{rpc}Response")())
    assert run(noun, "delete", name).exit_code == Exit.USAGE
    assert fake.asked(rpc) == []
    assert run(noun, "delete", name, "--yes").exit_code == 0
    [asked] = fake.asked(rpc)
    assert asked.id == place


def test_projects_are_listed_by_what_they_are_below(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListProjects", iam_pb2.ListProjectsResponse(projects=[a_child("project")]))
    listed = run("project", "list", "--below", "default")
    assert listed.stdout.splitlines()[1].split()[:2] == ["below", "default"]
    run("project", "list", "--parent", "default")
    asked = [(one.parent, one.below) for one in fake.asked("ListProjects")]
    assert asked == [("", PROJECT), (PROJECT, "")]


def test_accounts_are_listed_and_shown(run: Run, fake: FakeMulligan) -> None:
    program = an_account(type=iam_pb2.ACCOUNT_TYPE_APPLICATION)
    accounts = [an_account(disabled=True), program]
    fake.on("ListAccounts", iam_pb2.ListAccountsResponse(accounts=accounts))
    fake.on("GetAccount", an_account(disabled=True))
    listed = [line.split() for line in run("account", "list").stdout.splitlines()[1:]]
    assert listed == [["ann", "user", "no", ACCOUNT], ["ann", "application", "yes", ACCOUNT]]
    assert "disabled" in run("account", "show", "ann").stdout
    assert json.loads(run("account", "list", "-o", "json").stdout)["accounts"][0]["disabled"]


def test_only_what_is_said_of_an_account_is_changed(
    run: Run, fake: FakeMulligan, tmp_path: Path
) -> None:
    fake.on("UpdateAccount", an_account())
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    run("account", "set", "ann", "--disable")
    run("account", "set", "ann", "--name", "anna", "--enable")
    changed = run("account", "set", "ann", "--password-file", str(secret))
    assert "correct horse" not in changed.output
    asked = [
        (list(one.update_mask.paths), one.name, one.password, one.disabled)
        for one in fake.asked("UpdateAccount")
    ]
    assert asked == [
        (["disabled"], "", "", True),
        (["name", "disabled"], "anna", "", False),
        (["password"], "", "correct horse", False),
    ]
    assert run("account", "set", "ann").exit_code == Exit.USAGE


def test_one_s_own_password_is_changed_with_the_old_one(
    run: Run, fake: FakeMulligan, tmp_path: Path
) -> None:
    fake.on("ChangePassword", iam_pb2.ChangePasswordResponse())
    old = tmp_path / "old"
    old.write_text("old password\n")
    changed = run(
        *("account", "password", "--old-password-file", str(old), "--password-stdin"),
        stdin="new password\n",
    )
    assert changed.exit_code == 0, changed.stderr
    [asked] = fake.asked("ChangePassword")
    assert (asked.old_password, asked.password) == ("old password", "new password")
    assert "password\n" not in changed.stdout


def test_an_account_is_deleted_after_a_yes(run: Run, fake: FakeMulligan) -> None:
    fake.on("DeleteAccount", iam_pb2.DeleteAccountResponse())
    assert run("account", "delete", "ann").exit_code == Exit.USAGE
    assert run("account", "delete", "ann", "-y").exit_code == 0
    assert [one.id for one in fake.asked("DeleteAccount")] == [ACCOUNT]


HELD = iam_pb2.ListAssignmentsResponse(
    assignments=[
        iam_pb2.Assignment(
            account=ACCOUNT, account_name="ann", role=common_pb2.ROLE_ADMIN, project=PROJECT
        ),
        iam_pb2.Assignment(account=CHILD, role=common_pb2.ROLE_OPERATOR, region=REGION),
        iam_pb2.Assignment(account=ACCOUNT, account_name="ann", role=common_pb2.ROLE_READER),
    ]
)


def test_roles_are_listed_with_the_place_on_which_they_are_held(
    run: Run, fake: FakeMulligan
) -> None:
    fake.on("ListAssignments", HELD)
    rows = [line.split() for line in run("role", "list").stdout.splitlines()]
    assert rows[1:] == [
        ["ann", "admin", "project", "default"],
        [CHILD, "operator", "region", "home"],
        ["ann", "reader", "system"],
    ]
    run("role", "list", "--project", "default", "--account", "ann")
    run("role", "show", "ann")
    asked = [(one.account, one.project) for one in fake.asked("ListAssignments")]
    assert asked == [("", ""), (ACCOUNT, PROJECT), (ACCOUNT, "")]


@pytest.mark.parametrize(
    ("place", "named"),
    [
        (["--project", "default"], (PROJECT, "")),
        (["--region", "home"], ("", REGION)),
        (["--system"], ("", "")),
    ],
)
def test_a_role_is_given_and_taken_on_one_place(
    run: Run, fake: FakeMulligan, place: list[str], named: tuple[str, str]
) -> None:
    fake.on("AssignRole", HELD.assignments[0])
    fake.on("RevokeRole", iam_pb2.RevokeRoleResponse())
    assert run("role", "assign", "ann", "admin", *place).exit_code == 0
    assert run("role", "revoke", "ann", *place, "--yes").exit_code == 0
    for rpc in ("AssignRole", "RevokeRole"):
        assert [(one.project, one.region) for one in fake.asked(rpc)] == [named]
    assert run("role", "revoke", "ann", *place).exit_code == Exit.USAGE


@pytest.mark.parametrize("place", [[], ["--system", "--region", "home"]])
def test_a_role_has_one_place(run: Run, fake: FakeMulligan, place: list[str]) -> None:
    assert run("role", "assign", "ann", "admin", *place).exit_code == Exit.USAGE
    assert run("role", "revoke", "ann", "-y", *place).exit_code == Exit.USAGE
    assert fake.calls == []
