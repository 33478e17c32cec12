"""What differs: the comparison, case by case, and the rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from deploy.docs import RECONCILE, reconcile_page
from mulligan.control.reconcile import (
    Ended,
    Endpoint,
    Found,
    FoundOnHost,
    HeldSlot,
    LivingMachine,
    Records,
    RunningOperation,
    SeenHost,
    SeenServer,
    SeenWorkflow,
    UsedClaim,
    compare_hardware,
    compare_records,
)
from mulligan.control.reconcile_rules import RULES

NOW = datetime.now(UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(hours=1), NOW - timedelta(seconds=1)
QUIET = NOW - timedelta(minutes=1)
REGION, OPERATION, MACHINE, HOST, SERVER, CLAIM = (str(uuid4()) for _ in range(6))

running = RunningOperation(OPERATION, "provision", REGION, "machine", MACHINE, is_resumable=True)
machine = LivingMachine(MACHINE, REGION, "virtual", "active", LONG_AGO, None, HOST, CLAIM)
kept = replace(machine, state="kept", deadline=NOW + timedelta(hours=1))
metal = replace(machine, kind="baremetal", provider=SERVER)
claim = UsedClaim(CLAIM, REGION, MACHINE)
host = Endpoint("host", HOST, REGION, "available", LONG_AGO, None, is_offered=True)
server = replace(host, type="server", id=SERVER)
in_use = replace(
    server, state="in_use", is_offered=False, why_not="server is in_use", machine=MACHINE
)
at_work = HeldSlot(MACHINE, "machine", REGION, OPERATION, "running")
seen = SeenWorkflow(OPERATION, "running")
on_host = FoundOnHost(MACHINE, has_domain=True, is_running=True)


def kinds(found: list[Found]) -> list[str]:
    return [one.kind for one in found]


# The records

RECORDS_CASES: dict[str, tuple[Records, list[SeenWorkflow], list[str]]] = {
    "all is well": (Records(operations=[running], machines=[machine], claims=[claim]), [seen], []),
    "a workflow was terminated": (
        Records(operations=[running]),
        [replace(seen, state="terminated")],
        ["OPERATION_WITHOUT_WORKFLOW"],
    ),
    "Temporal does not know a workflow": (
        Records(operations=[running]),
        [],
        ["OPERATION_WITHOUT_WORKFLOW"],
    ),
    "nothing was kept to start it from": (
        Records(operations=[replace(running, is_resumable=False)]),
        [replace(seen, state="failed")],
        ["OPERATION_NOT_RESUMABLE"],
    ),
    "a workflow outlived its operation": (
        Records(ended_operations={OPERATION: Ended("done", LONG_AGO)}),
        [seen],
        ["WORKFLOW_WITHOUT_OPERATION"],
    ),
    "a workflow has no operation": (Records(), [seen], ["WORKFLOW_WITHOUT_OPERATION"]),
    "an operation ended just now": (
        Records(ended_operations={OPERATION: Ended("done", JUST_NOW)}),
        [seen],
        [],
    ),
    "a workflow began just now": (Records(), [replace(seen, started_at=JUST_NOW)], []),
    "an ended workflow without operation": (Records(), [replace(seen, state="completed")], []),
    "an ended operation has a slot": (
        Records(slots=[replace(at_work, state="failed")]),
        [],
        ["SLOT_WITHOUT_OPERATION"],
    ),
    "a running operation has its slot": (Records(slots=[at_work]), [], []),
    "a machine that is gone has a claim": (
        Records(claims=[claim], ended_machines={MACHINE: Ended("gone", LONG_AGO)}),
        [],
        ["CLAIM_WITHOUT_MACHINE"],
    ),
    "a machine that never was has a claim": (
        Records(claims=[claim]),
        [],
        ["CLAIM_WITHOUT_MACHINE"],
    ),
    "a machine ended just now": (
        Records(claims=[claim], ended_machines={MACHINE: Ended("gone", JUST_NOW)}),
        [],
        [],
    ),
    "a machine without claim": (Records(machines=[machine]), [], ["MACHINE_WITHOUT_CLAIM"]),
    "a machine that is made just now": (
        Records(machines=[replace(machine, since=JUST_NOW)]),
        [],
        [],
    ),
    "offered as it should": (Records(endpoints=[host, in_use]), [], []),
    "offered while in use": (
        Records(endpoints=[replace(in_use, is_offered=True)]),
        [],
        ["OFFER_WRONG"],
    ),
    "not offered for no reason": (
        Records(endpoints=[replace(host, is_offered=False)]),
        [],
        ["OFFER_WRONG"],
    ),
    "a machine past its deadline": (
        Records(machines=[replace(machine, deadline=LONG_AGO)], claims=[claim]),
        [],
        ["OVERDUE"],
    ),
    "past its deadline, and at work": (
        Records(machines=[replace(machine, deadline=LONG_AGO)], claims=[claim], slots=[at_work]),
        [],
        [],
    ),
    "a deadline to come": (
        Records(machines=[replace(machine, deadline=NOW + timedelta(hours=1))], claims=[claim]),
        [],
        [],
    ),
    "kept for some time yet": (Records(machines=[kept], claims=[claim]), [], []),
    "kept past its deadline": (
        Records(machines=[replace(kept, deadline=LONG_AGO)], claims=[claim]),
        [],
        ["OVERDUE"],
    ),
    "a server past its deadline": (
        Records(endpoints=[replace(in_use, deadline=LONG_AGO)]),
        [],
        ["OVERDUE"],
    ),
}


@pytest.mark.parametrize("case", RECORDS_CASES)
def test_the_records_are_compared_with_themselves_and_temporal(case: str) -> None:
    records, workflows, expected = RECORDS_CASES[case]
    found = compare_records(records, {one.id: one for one in workflows}, QUIET)
    assert kinds(found) == expected


# The hardware

host_records = Records(endpoints=[host], machines=[machine])
gone = Records(endpoints=[host], ended_machines={MACHINE: Ended("gone", LONG_AGO)})
server_records = Records(endpoints=[in_use], machines=[metal])
HARDWARE_CASES: dict[str, tuple[Records, SeenHost | SeenServer, list[str]]] = {
    "the machine runs": (host_records, SeenHost(HOST, (on_host,)), []),
    "no domain": (host_records, SeenHost(HOST), ["MACHINE_NOT_ON_HOST"]),
    "only a volume": (
        host_records,
        SeenHost(HOST, (FoundOnHost(MACHINE, False, False, ("root",)),)),
        ["MACHINE_NOT_ON_HOST"],
    ),
    "stopped": (
        host_records,
        SeenHost(HOST, (replace(on_host, is_running=False),)),
        ["MACHINE_STOPPED"],
    ),
    "kept, and off": (
        replace(host_records, machines=[kept]),
        SeenHost(HOST, (replace(on_host, is_running=False),)),
        [],
    ),
    "kept, and on": (
        replace(host_records, machines=[kept]),
        SeenHost(HOST, (on_host,)),
        ["KEPT_MACHINE_ON"],
    ),
    "kept, and just being restored": (
        replace(host_records, machines=[kept], slots=[at_work]),
        SeenHost(HOST, (on_host,)),
        [],
    ),
    "kept without a domain": (
        replace(host_records, machines=[kept]),
        SeenHost(HOST),
        ["MACHINE_NOT_ON_HOST"],
    ),
    "stopped by an operation": (
        replace(host_records, slots=[at_work]),
        SeenHost(HOST, (replace(on_host, is_running=False),)),
        [],
    ),
    "active since just now": (
        replace(host_records, machines=[replace(machine, since=JUST_NOW)]),
        SeenHost(HOST),
        [],
    ),
    "being made": (
        replace(host_records, machines=[replace(machine, state="provisioning")]),
        SeenHost(HOST),
        [],
    ),
    "on another host": (
        replace(host_records, machines=[replace(machine, provider=str(uuid4()))]),
        SeenHost(HOST),
        [],
    ),
    "left over": (gone, SeenHost(HOST, (on_host,)), ["LEFTOVER_ON_HOST"]),
    "gone just now": (
        replace(gone, ended_machines={MACHINE: Ended("gone", JUST_NOW)}),
        SeenHost(HOST, (on_host,)),
        [],
    ),
    "left over, and being removed": (
        replace(gone, slots=[at_work]),
        SeenHost(HOST, (on_host,)),
        [],
    ),
    "nobody's": (Records(endpoints=[host]), SeenHost(HOST, (on_host,)), ["UNKNOWN_ON_HOST"]),
    "the host is dead": (host_records, SeenHost(HOST, problem="no route"), ["HOST_UNREACHABLE"]),
    "the host is busy": (
        replace(host_records, slots=[replace(at_work, endpoint=HOST)]),
        SeenHost(HOST),
        [],
    ),
    "the host was deleted meanwhile": (Records(machines=[machine]), SeenHost(HOST), []),
    "an idle server is off": (Records(endpoints=[server]), SeenServer(SERVER, "off"), []),
    "an idle server is on": (
        Records(endpoints=[server]),
        SeenServer(SERVER, "on"),
        ["SERVER_POWERED"],
    ),
    "nobody knows whether it is on": (Records(endpoints=[server]), SeenServer(SERVER), []),
    "its machine's server is on": (server_records, SeenServer(SERVER, "on"), []),
    "its machine's server is off": (server_records, SeenServer(SERVER, "off"), ["SERVER_OFF"]),
    "its machine is being made": (
        replace(server_records, machines=[replace(metal, state="provisioning")]),
        SeenServer(SERVER, "off"),
        [],
    ),
    "its machine is kept, and it is off": (
        replace(server_records, machines=[replace(metal, state="kept")]),
        SeenServer(SERVER, "off"),
        [],
    ),
    "its machine is kept, and it is on": (
        replace(server_records, machines=[replace(metal, state="kept")]),
        SeenServer(SERVER, "on"),
        ["KEPT_MACHINE_ON"],
    ),
    "a medium is left": (
        Records(endpoints=[server]),
        SeenServer(SERVER, "off", has_our_medium=True),
        ["MEDIUM_LEFT"],
    ),
    "an operation inserted it": (
        Records(endpoints=[server], slots=[replace(at_work, endpoint=SERVER)]),
        SeenServer(SERVER, "on", has_our_medium=True),
        [],
    ),
    "the BMC is dead": (server_records, SeenServer(SERVER, problem="silent"), ["BMC_UNREACHABLE"]),
    "the server changed just now": (
        Records(endpoints=[replace(server, since=JUST_NOW)]),
        SeenServer(SERVER, "on"),
        [],
    ),
}


@pytest.mark.parametrize("case", HARDWARE_CASES)
def test_the_records_are_compared_with_hardware(case: str) -> None:
    records, shown, expected = HARDWARE_CASES[case]
    hosts = [shown] if isinstance(shown, SeenHost) else []
    servers = [shown] if isinstance(shown, SeenServer) else []
    found = compare_hardware(records, REGION, hosts, servers, (), QUIET)
    assert kinds(found) == expected
    assert {one.place for one in found} <= {shown.id}
    for one in found:
        rule = RULES[one.kind]
        assert rule.message.format(**one.facts)
        assert rule.action.format(**one.facts)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (Records(operations=[running]), []),
        (Records(ended_operations={OPERATION: Ended("failed", LONG_AGO)}), [OPERATION]),
        (Records(ended_operations={OPERATION: Ended("failed", JUST_NOW)}), []),
        (Records(), [OPERATION]),
    ],
)
def test_media_are_served_only_for_what_runs(records: Records, expected: list[str]) -> None:
    found = compare_hardware(records, REGION, (), (), (OPERATION,), QUIET)
    assert [one.object_id for one in found] == expected
    assert set(kinds(found)) <= {"MEDIA_SERVED_FOR_ENDED_OPERATION"}


@pytest.mark.parametrize(
    ("late", "command"), [(machine, "force-release --reason …"), (kept, "decommission")]
)
def test_what_is_late_says_what_ends_it(late: LivingMachine, command: str) -> None:
    records = Records(machines=[replace(late, deadline=LONG_AGO)], claims=[claim])
    [found] = compare_records(records, {}, QUIET)
    assert found.facts["command"] == command


def test_many_leftovers_are_told_in_short() -> None:
    there = tuple(FoundOnHost(str(uuid4()), True, False, ("root", "config")) for _ in range(12))
    ended = {one.machine: Ended("failed", LONG_AGO) for one in there}
    records = Records(endpoints=[host], ended_machines=ended)
    [found] = compare_hardware(records, REGION, [SeenHost(HOST, there)], (), (), QUIET)
    assert found.facts["leftovers"].count("(its domain, root, config)") == 10
    assert found.facts["leftovers"].endswith("and 2 more")


# The rules


def test_every_kind_is_found_by_a_case() -> None:
    cases = (*RECORDS_CASES.values(), *HARDWARE_CASES.values())
    found = {kind for *_, expected in cases for kind in expected}
    elsewhere = {"MEDIA_SERVED_FOR_ENDED_OPERATION", "REGION_WITHOUT_EXECUTOR"}
    assert found | elsewhere == set(RULES)


def test_nothing_that_touches_hardware_is_mended_by_itself() -> None:
    by_itself = {kind for kind, rule in RULES.items() if rule.mends_itself}
    assert by_itself == {
        "OPERATION_WITHOUT_WORKFLOW",
        "SLOT_WITHOUT_OPERATION",
        "CLAIM_WITHOUT_MACHINE",
        "OFFER_WRONG",
        "MEDIA_SERVED_FOR_ENDED_OPERATION",
    }


def test_the_page_is_of_these_rules() -> None:
    assert RECONCILE.read_text() == reconcile_page(), "run `python -m deploy.docs`"
