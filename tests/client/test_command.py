"""The command as a whole: help, completion, added commands, exit codes, words for errors."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from mulligan_client import command
from mulligan_client.command import COMMANDS
from mulligan_client.errors import MulliganCallError
from mulligan_client.exits import MEANINGS, Exit, exit_for
from mulligan_client.store import Store
from tests.client.conftest import Run
from tests.client.fake_mulligan import SERVER, FakeMulligan, RefusalError


def test_help_names_every_command_and_every_exit_code(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.output
    for code, words in MEANINGS.items():
        assert f"{int(code)} " in result.output
        assert words in result.output


def test_help_loads_neither_grpc_nor_rich_nor_a_command() -> None:
    program = (
        "import sys; from mulligan_client.command import mulligan\n"
        "try: mulligan(['--help'])\n"
        "finally: print(sorted({'grpc', 'rich', 'yaml', 'nacl', 'google.protobuf', "
        "'deploy', 'mulligan_client.commands'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "Exit codes" in done.stdout


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_has_help(run: Run, name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Usage: mulligan " + name in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_the_command_back(run: Run, shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_MULLIGAN_COMPLETE={shell}_complete" in result.output


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["machnie", "list"], "Did you mean 'machine'?"),
        (["machine", "lits"], "Did you mean 'list'?"),
        (["machine", "list", "--porject", "x"], "--project"),
        (["machine", "list", "-o", "jsn"], "Did you mean 'json'?"),
        (["completion", "fsh"], "Did you mean 'fish'?"),
    ],
)
def test_a_mistyped_word_gets_the_nearest_told(
    run: Run, arguments: list[str], nearest: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == Exit.USAGE
    assert nearest in result.stderr
    assert "--help" in result.stderr


def test_a_broken_added_command_does_not_break_the_rest(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EntryPoint("up", "no_such_module:up", command.ENTRY_POINTS)
    monkeypatch.setattr(command, "entry_points", lambda group: [broken])
    assert "up " in run("--help").output
    assert run("region", "--help").exit_code == 0
    result = run("up", "--anything", "goes")
    assert result.exit_code == Exit.BROKEN
    assert "no_such_module" in result.stderr
    assert "Traceback" not in result.stderr


STATUSES = {
    "INVALID_ARGUMENT": 4,
    "ALREADY_EXISTS": 4,
    "FAILED_PRECONDITION": 4,
    "NOT_FOUND": 5,
    "RESOURCE_EXHAUSTED": 6,
    "UNAUTHENTICATED": 7,
    "PERMISSION_DENIED": 7,
    "ABORTED": 8,
    "INTERNAL": 9,
}


@pytest.mark.parametrize(("status", "code"), STATUSES.items())
def test_each_refusal_has_its_exit_code_and_says_what_why_what_to_do_and_the_request(
    run: Run, fake: FakeMulligan, logged_in: Store, status: str, code: int
) -> None:
    fake.on(
        "VerifyServer",
        RefusalError(
            status,
            "SOME_CODE",
            "server rack1-07 said no",
            violations={"id": "no", "name": "name is empty; say it"},
            resource=("server", SERVER),
            request_id="r-77",
        ),
    )
    result = run("server", "verify", "rack1-07")
    assert result.exit_code == code
    what, also, why, do, request = result.stderr.splitlines()
    assert what == "Error: server rack1-07 said no"
    assert also == "Also:  name is empty; say it"
    assert why == f"Why:   SOME_CODE (field id, server {SERVER})"
    assert do.startswith("Do:    ")
    assert request == "Request id: r-77"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("earliest", "object_type", "do"),
    [
        ("never", "", "ask for less, or add a host or server"),
        ("2020-01-01T00:00:00+00:00", "", "ask for less, or add a host or server"),
        ("9999-12-31T23:59:59.5+00:00", "", "ask for less, or add a host or server"),
        ("soon", "", "ask for less, or add a host or server"),
        (
            "2099-01-01T12:00:00+02:00",
            "",
            "start at 2099-01-01T10:00:00Z or later, or ask for less, or add a host or server",
        ),
        (
            "2099-01-01T10:00:00.25+00:00",
            "",
            "start at 2099-01-01T10:00:01Z or later, or ask for less, or add a host or server",
        ),
        (
            "2099-01-01T10:00:00+00:00",
            "network",
            (
                "start at 2099-01-01T10:00:00Z or later, or take another network, or leave the "
                "address to its DHCP server (--network NAME:dhcp)"
            ),
        ),
    ],
)
def test_no_capacity_stays_whole_and_says_when_else(
    run: Run, fake: FakeMulligan, logged_in: Store, earliest: str, object_type: str, do: str
) -> None:
    said = "no capacity among 2 providers: a: 1 removed, 1 left; b: 1 removed, 0 left."
    fake.on(
        "VerifyServer",
        RefusalError(
            "RESOURCE_EXHAUSTED",
            "NO_CAPACITY",
            said,
            metadata={"earliest": earliest, "object_type": object_type},
        ),
    )
    lines = run("server", "verify", "rack1-07").stderr.splitlines()
    assert (lines[0], lines[2]) == (f"Error: {said}", f"Do:    {do}")


def test_a_quota_is_told_with_its_own_remedy(
    run: Run, fake: FakeMulligan, logged_in: Store
) -> None:
    said = "there would be 9 of 8; choose another window, or ask for a larger quota"
    fake.on("VerifyServer", RefusalError("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", said))
    lines = run("server", "verify", "rack1-07").stderr.splitlines()
    assert lines[0] == "Error: there would be 9 of 8"
    assert lines[2] == "Do:    choose another window, or ask for a larger quota"


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED"])
def test_who_does_not_answer_is_unavailable(status: str) -> None:
    assert exit_for(MulliganCallError(status, status, "away")) == 8


def test_nobody_logged_in_is_not_allowed(run: Run) -> None:
    result = run("server", "list")
    assert result.exit_code == Exit.NOT_ALLOWED
    assert "mulligan login ADDRESS" in result.stderr


def test_debug_prints_a_traceback_without_secrets(
    run: Run, fake: FakeMulligan, logged_in: Store
) -> None:
    leak = "your token the-token and eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.sig are bad"
    fake.on("ListServers", RefusalError("UNAUTHENTICATED", "UNAUTHENTICATED", leak))
    result = run("--debug", "server", "list")
    assert result.exit_code == Exit.NOT_ALLOWED
    assert "Traceback" in result.stderr
    assert "MulliganCallError" in result.stderr
    assert "the-token" not in result.stderr
    assert "eyJ" not in result.stderr
    assert result.stderr.count("[redacted]") >= 2


def test_a_bug_is_called_one(
    run: Run, fake: FakeMulligan, logged_in: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mulligan_client.output.write", lambda *_: 1 / 0)
    fake.on("ListServers", RefusalError("INTERNAL", "INTERNAL", "x"))
    from mulligan_client.gen.mulligan.control.v1 import control_pb2

    fake.on("ListServers", control_pb2.ListServersResponse())
    result = run("server", "list", "-o", "json")
    assert result.exit_code == Exit.BROKEN
    assert "that is a bug" in result.stderr
    assert "Traceback" not in result.stderr
