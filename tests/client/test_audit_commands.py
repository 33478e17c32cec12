"""mulligan audit: who did what, and who was refused, in words."""

import json
from datetime import UTC, datetime

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import ACCOUNT, PROJECT, SERVER, FakeMulligan, RefusalError


def event(kept_by: str, revision: int, second: int, **fields: object) -> common_pb2.AuditEvent:
    given = {"kind": "created", "result": "OK", "count": 1, "author": ACCOUNT, **fields}
    one = common_pb2.AuditEvent(kept_by=kept_by, revision=revision, **given)  # type: ignore[arg-type]
    one.at.FromDatetime(datetime(2026, 11, 20, 18, 0, second, tzinfo=UTC))
    return one


SIGNED_IN = event("iam", 7, 1, method="IamService/Login", object_type="session", message="from …")
REFUSED = event(
    "control", 3, 9, method="ControlService/DeleteServer", kind="refused",
    result="PERMISSION_DENIED", count=12, address="192.0.2.1/32", request_id="r-1",
    object_type="server", object_id=SERVER, message="ask an administrator",
)  # fmt: skip
LATER = event("control", 2, 5, author="", kind="state", object_type="server", state="available")


@pytest.fixture
def audit(fake: FakeMulligan, logged_in: object) -> FakeMulligan:
    """An event of iam, and two of the site."""
    fake.on(
        "ListAuditEvents",
        common_pb2.ListAuditEventsResponse(events=[SIGNED_IN]),
        common_pb2.ListAuditEventsResponse(events=[REFUSED, LATER]),
    )
    return fake


def test_what_both_services_keep_is_one_list_by_time(run: Run, audit: FakeMulligan) -> None:
    result = run("audit", "list")
    assert result.exit_code == 0, result.stderr
    refused, later, signed_in = (line.split("  ") for line in result.stdout.splitlines()[1:])
    words = [word.strip() for word in refused if word.strip()]
    assert words == [
        "control/3", "2026-11-20 18:00:09Z", "ann", "192.0.2.1/32", "DeleteServer",
        "server rack1-07", "refused: PERMISSION_DENIED (12 times)", "r-1", "ask an administrator",
    ]  # fmt: skip
    assert [word.strip() for word in later if word.strip()][2:] == [
        "server state", "server", "done", "server state available"
    ]  # fmt: skip
    assert [word.strip() for word in signed_in if word.strip()][2:5] == [
        "ann", "this machine", "Login"
    ]  # fmt: skip


def test_the_list_is_cut_and_written_for_programs(run: Run, audit: FakeMulligan) -> None:
    result = run("audit", "list", "--limit", "2", "-o", "json")
    events = json.loads(result.stdout)["events"]
    assert [(one["kept_by"], one["revision"]) for one in events] == [
        ("control", "3"), ("control", "2")
    ]  # fmt: skip


def test_the_list_is_narrowed_by_names_and_times(run: Run, audit: FakeMulligan) -> None:
    result = run(
        "audit", "list", "--account", "ann", "--project", "default", "--method", "DeleteServer",
        "--refused", "--since", "2026-11-20T18:00Z", "--result", "STALE_GENERATION",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    asked = audit.asked("ListAuditEvents")
    assert len(asked) == 2
    for one in asked:
        assert (one.account, one.project, one.kind) == (ACCOUNT, PROJECT, "refused")
        assert (one.method, one.result) == ("DeleteServer", "STALE_GENERATION")
        assert one.since.ToDatetime(UTC) == datetime(2026, 11, 20, 18, tzinfo=UTC)
        assert not one.HasField("until")


AWAY = RefusalError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "iam took too long")


def test_what_answers_is_shown_when_iam_is_away(
    run: Run, fake: FakeMulligan, logged_in: object
) -> None:
    of_site = common_pb2.ListAuditEventsResponse(events=[REFUSED, LATER])
    fake.on("ListAuditEvents", AWAY, of_site)
    result = run("audit", "list")
    assert result.exit_code == Exit.UNAVAILABLE
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [
        "control/3",
        "control/2",
    ]
    assert "iam does not answer" in result.stderr
    fake.on("ListAuditEvents", AWAY)
    assert run("audit", "list").exit_code == Exit.UNAVAILABLE


def test_one_event_is_shown_whole(run: Run, fake: FakeMulligan, logged_in: object) -> None:
    fake.on("ListAuditEvents", common_pb2.ListAuditEventsResponse(events=[REFUSED]))
    result = run("audit", "show", "control/3")
    assert result.exit_code == 0, result.stderr
    assert ACCOUNT in result.stdout
    assert "refused: PERMISSION_DENIED (12 times)" in result.stdout
    assert [one.revision for one in fake.asked("ListAuditEvents")] == [3]


def test_what_is_no_revision_is_refused(run: Run, fake: FakeMulligan, logged_in: object) -> None:
    fake.on("ListAuditEvents", common_pb2.ListAuditEventsResponse())
    assert run("audit", "show", "meta/3").exit_code == Exit.USAGE
    assert run("audit", "show", "iam/3").exit_code == Exit.NOT_FOUND
