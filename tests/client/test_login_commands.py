"""mulligan bootstrap, login, account, role: from nothing to a login that is kept."""

from pathlib import Path

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.store import Login, Store
from tests.client.conftest import Run
from tests.client.fake_mulligan import ACCOUNT, PROJECT, REGION, FakeMulligan, RefusalError


@pytest.fixture
def fresh(fake: FakeMulligan) -> FakeMulligan:
    """A server that nobody has bootstrapped yet."""
    region = iam_pb2.Region(metadata=common_pb2.Metadata(id=REGION, name="home"))
    project = iam_pb2.Project(metadata=common_pb2.Metadata(id=PROJECT, name="default"))
    fake.on("Bootstrap", iam_pb2.SignedIn(account=ACCOUNT, access_token="new-token"))
    fake.on("Login", iam_pb2.SignedIn(account=ACCOUNT, access_token="new-token"))
    fake.on("CreateRegion", region)
    fake.on("CreateProject", project)
    fake.on("CreateNetwork", resource_pb2.Network())
    return fake


def test_bootstrap_makes_what_a_first_machine_needs_and_logs_in(
    run: Run, fresh: FakeMulligan, folder: Path
) -> None:
    result = run(
        "bootstrap", fresh.address, "--token", "one-time", "--password-stdin", stdin="pass word\n"
    )
    assert result.exit_code == 0, result.stderr
    [asked] = fresh.asked("Bootstrap")
    assert (asked.token, asked.account, asked.password) == ("one-time", "admin", "pass word")
    [network] = fresh.asked("CreateNetwork")
    assert (network.name, network.region) == ("lan", REGION)
    assert network.spec == resource_pb2.NetworkSpec(
        prefix="10.0.2.0/24",
        gateway="10.0.2.2",
        dns=["10.0.2.3"],
        first_address="10.0.2.100",
        last_address="10.0.2.199",
    )
    assert Store(folder).read() == Login(
        address=fresh.address, token="new-token", account="admin", project=PROJECT, region=REGION
    )
    assert fresh.calls[-1].metadata["authorization"] == "Bearer new-token"
    assert "pass word" not in result.output
    assert "new-token" not in result.output


def test_a_second_bootstrap_shows_the_servers_refusal(
    run: Run, fresh: FakeMulligan, folder: Path
) -> None:
    fresh.on(
        "Bootstrap",
        RefusalError(
            "FAILED_PRECONDITION", "ALREADY_BOOTSTRAPPED", "there is an administrator already"
        ),
    )
    result = run("bootstrap", fresh.address, "--token", "t", "--password-stdin", stdin="p\n")
    assert result.exit_code == Exit.REFUSED
    assert "Error: there is an administrator already" in result.stderr
    assert not Store(folder).path.exists()


def test_a_bootstrap_that_stops_half_way_leaves_a_login_and_says_how_to_go_on(
    run: Run, fresh: FakeMulligan, folder: Path
) -> None:
    fresh.on("CreateNetwork", RefusalError("INVALID_ARGUMENT", "BAD_PREFIX", "no prefix"))
    result = run("bootstrap", fresh.address, "--token", "t", "--password-stdin", stdin="p\n")
    assert result.exit_code == Exit.REFUSED
    assert "network add" in result.stderr
    assert Store(folder).read().region == REGION


def test_login_keeps_the_token_and_chooses_the_only_project(
    run: Run, fresh: FakeMulligan, folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("secret\nsecond line\n")
    result = run("login", fresh.address, "--account", "ann", "--password-file", str(secret))
    assert result.exit_code == 0, result.stderr
    [asked] = fresh.asked("Login")
    assert (asked.account, asked.password) == ("ann", "secret")
    assert Store(folder).read() == Login(
        address=fresh.address, token="new-token", account="ann", project=PROJECT, region=REGION
    )


def test_login_again_needs_neither_address_nor_account(
    run: Run, fresh: FakeMulligan, logged_in: Store
) -> None:
    result = run("login", "--password-stdin", "--project", "default", stdin="p\n")
    assert result.exit_code == 0, result.stderr
    assert fresh.asked("Login")[0].account == "ann"
    assert logged_in.read().token == "new-token"


def test_a_refused_login_leaves_the_old_one(
    run: Run, fresh: FakeMulligan, logged_in: Store
) -> None:
    fresh.on("Login", RefusalError("UNAUTHENTICATED", "BAD_PASSWORD", "wrong password"))
    result = run("login", "--password-stdin", stdin="wrong\n")
    assert result.exit_code == Exit.NOT_ALLOWED
    assert logged_in.read().token == "the-token"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--password", "secret"], "No such option"),
        (["--password-stdin", "--password-file", __file__], "exclude each other"),
        ([], "no terminal"),
        (["--password-stdin"], "empty"),
    ],
)
def test_a_password_is_never_an_argument(
    run: Run, fresh: FakeMulligan, arguments: list[str], why: str
) -> None:
    result = run("login", fresh.address, *arguments, stdin="")
    assert result.exit_code == Exit.USAGE
    assert why in result.stderr
    assert fresh.asked("Login") == []


def test_a_role_holds_where_it_was_said_to(run: Run, fake: FakeMulligan, logged_in: Store) -> None:
    fake.on("AssignRole", iam_pb2.Assignment())
    assert run("role", "assign", "ann", "member").exit_code == Exit.USAGE
    assert run("role", "assign", "ann", "member", "--project", "default").exit_code == 0
    assert run("role", "assign", "ann", "operator", "--system").exit_code == 0
    in_project, on_system = fake.asked("AssignRole")
    assert (in_project.account, in_project.project) == (ACCOUNT, PROJECT)
    assert in_project.role == common_pb2.ROLE_MEMBER
    assert (on_system.project, on_system.role) == ("", common_pb2.ROLE_OPERATOR)


def test_several_projects_and_none_chosen_is_told_with_their_names(
    run: Run, fake: FakeMulligan, folder: Path
) -> None:
    Store(folder).write(Login(address=fake.address, token="t"))
    projects = [
        iam_pb2.Project(metadata=common_pb2.Metadata(id=one, name=one)) for one in ("red", "blue")
    ]
    fake.on("ListProjects", iam_pb2.ListProjectsResponse(projects=projects))
    result = run("machine", "list")
    assert result.exit_code == Exit.USAGE
    assert "blue, red" in result.stderr
    assert "--project" in result.stderr
