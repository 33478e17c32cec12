"""The records of reconciling, on each database: read, described, kept, mended."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event as on_engine
from sqlalchemy.orm import Session

from mulligan import events, marks
from mulligan.control import differences, endpoints, enrolment, operations, snapshots
from mulligan.control.operations import Ask
from mulligan.control.reconcile import (
    Found,
    SeenWorkflow,
    compare_records,
)
from mulligan.control.reconcile_rules import RULES
from mulligan.control.tables import Difference, Host, Machine, Operation, Server, Slot
from mulligan.database import Database
from mulligan.resource import claims, providers
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.values import Inventory
from mulligan.values.amount import Amount
from mulligan.values.window import WITHOUT_END, Window
from tests.fakes.place import SEALED

NOW = datetime.now(UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(hours=1), NOW - timedelta(seconds=1)
QUIET = NOW - timedelta(minutes=1)


def kinds(found: list[Found]) -> list[str]:
    return [one.kind for one in found]


class Site:
    """A host and a server that are offered, and a machine on the host, written straight away."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.region, self.project = str(uuid4()), str(uuid4())
        self.host, self.server = self._enrol("host"), self._enrol("server")
        self.machine = str(uuid4())
        self.claim = self.write(self._claim)
        self.write(self._machine)

    def write(self, change: Any) -> Any:
        return self.database.write(change)

    def _enrol(self, object_type: str) -> str:
        one = str(uuid4())

        def enrol(session: Session) -> None:
            shared = {"region": self.region, "name": f"{object_type}-1", "author": str(uuid4())}
            row: Server | Host
            if object_type == "host":
                row = enrolment.enrol_host(
                    session, host=one, uri=f"test:///{one}", pool="mulligan", **shared
                )
            else:
                row = enrolment.enrol_server(
                    session,
                    server=one,
                    address=f"https://{one}",
                    sealed_credentials=SEALED,
                    insecure_tls=False,
                    system="",
                    **shared,
                )
            providers.set_inventories(session, one, [Inventory("VCPU", 8)])
            endpoints.move(session, object_type, row, "available", "verified", str(uuid4()))
            row.since = LONG_AGO

        self.write(enrol)
        return one

    def _claim(self, session: Session) -> str:
        request = ClaimRequest.for_one_provider(
            amounts=(Amount("VCPU", 2),),
            window=Window(NOW, WITHOUT_END),
            region=self.region,
            provider=self.host,
        )
        return claims.commit_claim(
            session,
            claim_id=str(uuid4()),
            project=self.project,
            request=request,
            now=NOW,
            consumer=self.machine,
        ).id

    def _machine(self, session: Session) -> None:
        session.add(
            Machine(
                id=self.machine,
                region=self.region,
                project=self.project,
                kind="virtual",
                image=str(uuid4()),
                provider=self.host,
                claim=self.claim,
                spec={},
                nics=[],
                operation=str(uuid4()),
                created_at=LONG_AGO,
                state="active",
                since=LONG_AGO,
            )
        )

    def operate(self, endpoint: str | None = None, *, request: dict[str, Any] | None = None) -> str:
        """Begin an operation on the server or nothing."""
        ask = Ask(
            operation=str(uuid4()),
            type="verify",
            region=self.region,
            project="",
            author=str(uuid4()),
            request_id="request",
            digest="digest",
            object_type="server",
            object_id=self.server,
            request={"check": "verify"} if request is None else request,
        )
        self.write(lambda session: operations.begin(session, ask, endpoint))
        self.refresh()
        return ask.operation

    def refresh(self) -> None:
        """Offer or withdraw host and server, as every change does."""

        def refresh(session: Session) -> None:
            endpoints.refresh_offer(session, "server", session.get_one(Server, self.server))
            endpoints.refresh_offer(session, "host", session.get_one(Host, self.host))

        self.write(refresh)

    def set(self, table: Any, key: str, **columns: Any) -> None:
        """Break a row behind everybody's back."""

        def change(session: Session) -> None:
            row = session.get_one(table, key)
            for name, value in columns.items():
                setattr(row, name, value)

        self.write(change)

    def compare(self, *workflows: SeenWorkflow, region: str | None = None) -> list[Found]:
        where = self.region if region is None else region
        named = {one.id: one for one in workflows}
        return compare_records(
            self.database.read(
                lambda session: snapshots.read_records(session, where, operations=named)
            ),
            named,
            QUIET,
        )

    def record(self, found: list[Found], at: datetime = NOW, **more: Any) -> list[Difference]:
        """Write what was found; give what is listed then."""
        more = {"kinds": set(RULES), **more}

        def record(session: Session) -> None:
            described = differences.describe(session, found)
            differences.record_found(session, self.region, described, at=at, **more)

        self.write(record)
        return self.listed()

    def listed(self) -> list[Difference]:
        return self.database.read(
            lambda session: differences.list_differences(session, self.region)
        )

    def mend(self, found: Found) -> differences.Mended:
        return self.write(  # type: ignore[no-any-return]
            lambda session: differences.mend(session, found.kind, found.object_id, NOW)
        )

    def told(self) -> list[str]:
        """The events of differences, in order."""
        rows = self.database.read(lambda session: events.read_after(session, 0))
        return [row.message for row in rows if row.kind == "difference"]


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


def test_a_site_that_is_well_differs_in_nothing(site: Site) -> None:
    operation = site.operate(site.server)
    assert site.compare(SeenWorkflow(operation, "running")) == []
    assert site.compare(SeenWorkflow(operation, "running"), region="") == []


def test_another_region_is_left_alone(site: Site) -> None:
    site.operate()
    assert kinds(site.compare(region=str(uuid4()))) == []
    assert kinds(site.compare(region="")) == ["OPERATION_WITHOUT_WORKFLOW"]


def test_reading_is_a_statement_for_each_kind_of_object(site: Site) -> None:
    statements: list[str] = []
    count = lambda *event: statements.append(event[2])  # noqa: E731
    on_engine.listen(site.database.engine, "before_cursor_execute", count)
    site.compare(region="")
    on_engine.remove(site.database.engine, "before_cursor_execute", count)
    assert len([one for one in statements if one.startswith("SELECT")]) == 8


@pytest.mark.parametrize("request_", [{}, {"check": "verify"}])
def test_an_operation_is_resumed_from_its_row(site: Site, request_: dict[str, Any]) -> None:
    operation = site.operate(request=request_)
    [found] = site.compare(SeenWorkflow(operation, "terminated"))

    def resumption(state: str) -> Any:
        return site.database.read(
            lambda session: differences.resumption_of(session, operation, state)
        )

    if not request_:
        assert found.kind == "OPERATION_NOT_RESUMABLE"
        assert resumption("terminated") is None
        return
    assert found.kind == "OPERATION_WITHOUT_WORKFLOW"
    assert resumption("terminated").request == {"check": "verify", "resume": "undo"}
    assert resumption("unknown").request == {"check": "verify", "resume": "forward"}
    site.write(lambda session: operations.finish(session, operation, "failed", "meanwhile"))
    assert resumption("terminated") is None


def test_a_slot_of_an_ended_operation_is_freed_and_the_server_offered(site: Site) -> None:
    operation = site.operate(site.server)
    site.set(Operation, operation, state="failed", ended_at=LONG_AGO)
    [found] = site.compare()
    assert (found.kind, found.object_type, found.object_id) == (
        "SLOT_WITHOUT_OPERATION",
        "server",
        site.server,
    )
    assert site.mend(found).is_done
    assert site.compare() == []
    assert site.database.read(lambda session: session.get_one(Slot, site.server)).fence == 1


def test_a_slot_that_is_at_work_again_is_not_freed(site: Site) -> None:
    operation = site.operate(site.server)
    site.set(Operation, operation, state="failed", ended_at=LONG_AGO)
    [found] = site.compare()
    site.set(Operation, operation, state="running", ended_at=None)
    assert not site.mend(found).is_done
    slot = site.database.read(lambda session: session.get_one(Slot, site.server))
    assert slot.operation == operation


def test_a_claim_whose_machine_is_gone_is_released(site: Site) -> None:
    site.set(Machine, site.machine, state="gone", since=LONG_AGO)
    [found] = site.compare()
    assert (found.kind, found.object_id) == ("CLAIM_WITHOUT_MACHINE", site.claim)
    assert found.facts["state"] == "gone"
    assert site.mend(found).is_done
    assert site.compare() == []


def test_a_claim_of_a_machine_that_lives_is_not_released(site: Site) -> None:
    site.set(Machine, site.machine, state="gone", since=LONG_AGO)
    [found] = site.compare()
    site.set(Machine, site.machine, state="active")
    assert not site.mend(found).is_done
    assert site.compare() == []


def test_a_machine_without_claim_waits_for_an_operator(site: Site) -> None:
    site.write(lambda session: claims.release_claim(session, site.claim, NOW))
    [found] = site.compare()
    assert (found.kind, found.object_id) == ("MACHINE_WITHOUT_CLAIM", site.machine)
    assert not site.mend(found).is_done


@pytest.mark.parametrize("object_type", ["server", "host"])
@pytest.mark.parametrize("state", ["available", "quarantined"])
@pytest.mark.parametrize("mark", ["", "maintenance", "protected", "locked", "retired"])
@pytest.mark.parametrize("is_busy", [False, True])
def test_the_offer_that_is_expected_is_the_one_that_is_made(
    sqlite_database: Database, object_type: str, state: str, mark: str, is_busy: bool
) -> None:
    site = Site(sqlite_database)
    one = site.server if object_type == "server" else site.host
    table = Server if object_type == "server" else Host
    site.set(table, one, state=state)
    if is_busy:
        site.operate(one)
    if mark:
        author = str(uuid4())
        site.write(lambda session: marks.set_mark(session, one, mark, "why", author))

    def is_right() -> bool:
        return "OFFER_WRONG" not in kinds(site.compare())

    site.refresh()
    assert is_right()
    offered = site.database.read(lambda session: providers.get_provider(session, one).available)
    site.write(lambda session: providers.set_availability(session, one, not offered, "a bug"))
    assert not is_right()
    [found] = [found for found in site.compare() if found.kind == "OFFER_WRONG"]
    assert site.mend(found).is_done
    assert is_right()


# What was found


def test_a_difference_is_told_once_with_names_and_commands(site: Site) -> None:
    found = [
        Found(
            "MACHINE_STOPPED", site.region, "machine", site.machine,
            {"id": site.machine, "host": site.host}, site.host,
        ),
        Found("HOST_UNREACHABLE", site.region, "host", site.host, {"id": site.host, "why": "{no}"}),
    ]  # fmt: skip
    listed = {one.kind: one for one in site.record(found)}
    stopped, unreachable = listed["MACHINE_STOPPED"], listed["HOST_UNREACHABLE"]
    assert stopped.message == (
        f"machine {site.machine} is active, and its domain on host host-1 is not running"
    )
    assert unreachable.message == "host host-1 can't be reached: {no}"
    assert unreachable.action == "mend that, then `mulligan host verify host-1`"
    assert not unreachable.mends_itself
    assert (unreachable.found_at, unreachable.mended_at) == (NOW, None)
    again = site.record(found, NOW + timedelta(minutes=1))
    assert {one.found_at for one in again} == {NOW}
    assert [message.split(":")[0] for message in site.told()] == [
        "MACHINE_STOPPED",
        "HOST_UNREACHABLE",
    ]


def test_what_is_gone_is_mended_and_forgotten_after_a_week(site: Site) -> None:
    found = Found("MEDIUM_LEFT", site.region, "server", site.server, {"id": site.server})
    site.record([found])
    later = NOW + timedelta(minutes=10)
    [mended] = site.record([], later, looked_at=(site.server,))
    assert mended.mended_at == later
    assert re.search(r"mended \(it is gone\).*server-1", site.told()[-1])
    [back] = site.record([found], later + timedelta(minutes=10))
    assert (back.found_at, back.mended_at) == (later + timedelta(minutes=10), None)
    assert len(site.told()) == 3
    site.record([], later, looked_at=(site.server,))
    [after_a_week] = site.record([found], later + timedelta(days=8))
    assert after_a_week.mended_at is None
    site.record([], later, looked_at=(site.server,))
    assert site.record([], later + timedelta(days=8)) == []


def test_what_was_not_looked_at_stays_open(site: Site) -> None:
    stopped = Found(
        "MACHINE_STOPPED",
        site.region,
        "machine",
        site.machine,
        {"id": site.machine, "host": site.host},
    )
    left = Found("MEDIUM_LEFT", site.region, "server", site.server, {"id": site.server})
    site.record([stopped, left])

    def still_open(**looked: Any) -> set[str]:
        return {one.kind for one in site.record([], **looked) if one.mended_at is None}

    records_only = {kind for kind, rule in RULES.items() if rule.compares == "records"}
    assert still_open(kinds=records_only) == {"MACHINE_STOPPED", "MEDIUM_LEFT"}
    assert still_open() == {"MACHINE_STOPPED", "MEDIUM_LEFT"}
    assert still_open(looked_at=(site.server,)) == {"MACHINE_STOPPED"}
    assert still_open(looked_at=(site.host,)) == set()


def test_what_is_open_of_a_host_that_was_deleted_is_gone(site: Site) -> None:
    site.record([Found("HOST_UNREACHABLE", site.region, "host", str(uuid4()),
                       {"id": "x", "why": "dead"})])  # fmt: skip
    [listed] = site.record([])
    assert listed.mended_at is not None


def test_what_is_mended_elsewhere_is_told(site: Site) -> None:
    operation = site.operate()
    [found] = site.compare()
    site.record([found])
    arguments = (site.region, found.kind, operation, NOW, None)
    site.write(lambda session: differences.record_mended(session, *arguments))
    [listed] = site.listed()
    assert listed.mended_at == NOW
    assert "start the workflow again" in site.told()[-1]
    site.write(lambda session: differences.record_mended(session, *arguments))
    assert len(site.told()) == 2


def test_only_what_is_at_rest_and_expected_to_answer_is_looked_at(site: Site) -> None:
    def looked_at() -> set[str]:
        hosts, servers = site.database.read(
            lambda session: snapshots.endpoints_to_look_at(session, site.region, QUIET)
        )
        return {row.id for row in hosts} | {row.id for row in servers}

    assert looked_at() == {site.host, site.server}
    site.set(Host, site.host, since=JUST_NOW)
    assert looked_at() == {site.server}
    operation = site.operate(site.server)
    assert looked_at() == set()
    site.write(lambda session: operations.finish(session, operation, "done"))
    site.set(Server, site.server, state="retired", since=LONG_AGO)
    assert looked_at() == set()
