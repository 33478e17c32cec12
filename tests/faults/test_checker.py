"""The checker finds each kind of what must not be; on a good site it finds nothing."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import libvirt
import pytest
from sqlalchemy import delete, inspect, update
from sqlalchemy.orm import Session

from mulligan.control.tables import Host, Machine, Operation, Server, Slot, Step
from mulligan.database import Base, Database
from mulligan.events import EventRow
from mulligan.meta.names import NameRow
from mulligan.resource.tables import (
    AddressClaimRow,
    AllocationRow,
    ClaimRow,
    InventoryRow,
    ProviderRow,
)
from mulligan.values.window import WITHOUT_END
from tests.fakes.site import Site
from tests.faults import checker
from tests.faults.checker import SeenBmc, SeenHost

NOW = datetime.now(UTC)
EARLIER = NOW - timedelta(hours=1)
REGION, PROJECT, IMAGE, NETWORK, AUTHOR = (str(UUID(int=n)) for n in range(1, 6))
HOST, SERVER, VIRTUAL, BAREMETAL, ENDED = (str(UUID(int=n)) for n in range(6, 11))
DEPLOYED, OVER = str(UUID(int=11)), str(UUID(int=12))
CLAIMS = {machine: str(UUID(int=n)) for n, machine in enumerate((VIRTUAL, BAREMETAL, ENDED), 13)}
STATUS = {"reason": "as it should be", "since": EARLIER, "created_at": EARLIER}


def a_good_site() -> list[Base]:
    """A host and a server, each with an active machine, and a machine that ended."""
    return [*_endpoints(), *_machines(), *_claims(), *_operations()]


def _endpoints() -> list[Base]:
    host = Host(id=HOST, region=REGION, uri="test:///", pool="p", state="available", **STATUS)
    server = Server(
        id=SERVER,
        region=REGION,
        address="https://bmc",
        sealed_credentials="",
        state="in_use",
        machine=BAREMETAL,
        needs_cleaning=True,
        **STATUS,
    )
    providers = [
        ProviderRow(id=one, region=REGION, type=kind, available=True, created_at=EARLIER)
        for one, kind in ((HOST, "host"), (SERVER, "server"))
    ]
    units = {"reserved": 0, "min_unit": 1, "max_unit": 4, "step_size": 1, "allocation_ratio": 1.0}
    stocks = [
        InventoryRow(provider=one, resource_type=kind, total=total, capacity=total, **units)
        for one, kind, total in ((HOST, "VCPU", 4), (SERVER, "SERVER", 1))
    ]
    return [host, server, *providers, *stocks]


def _machines() -> list[Base]:
    rows: list[Base] = []
    for machine, kind, provider, state in (
        (VIRTUAL, "virtual", HOST, "active"),
        (BAREMETAL, "baremetal", SERVER, "active"),
        (ENDED, "virtual", HOST, "gone"),
    ):
        released = NOW - timedelta(minutes=1) if state == "gone" else None
        rows.append(
            Machine(
                id=machine,
                region=REGION,
                project=PROJECT,
                kind=kind,
                image=IMAGE,
                provider=provider,
                claim=CLAIMS[machine],
                spec={},
                nics=[],
                operation=DEPLOYED,
                state=state,
                **STATUS,
            )
        )
        rows.append(
            NameRow(
                id=machine,
                object_type="machine",
                owner=PROJECT,
                name=machine,
                slug=machine,
                released_at=released,
            )
        )
    return rows


def _claims() -> list[Base]:
    rows: list[Base] = []
    for machine, claim in CLAIMS.items():
        released = NOW - timedelta(minutes=1) if machine == ENDED else None
        server = machine == BAREMETAL
        rows.append(
            ClaimRow(
                id=claim,
                project=PROJECT,
                region=REGION,
                consumer=machine,
                acquire_at=EARLIER,
                release_at=released or WITHOUT_END,
                planned_release_at=WITHOUT_END,
                released_at=released,
                spec={},
                state="released" if released else "confirmed",
                **STATUS,
            )
        )
        span = {
            "project": PROJECT,
            "region": REGION,
            "acquire_at": EARLIER,
            "release_at": released or WITHOUT_END,
            "occupied_until": released or WITHOUT_END,
        }
        provider, kind = (SERVER, "SERVER") if server else (HOST, "VCPU")
        amount = 1 if server else 2
        rows.append(
            AllocationRow(claim=claim, provider=provider, resource_type=kind, amount=amount, **span)
        )
        rows.append(
            AddressClaimRow(
                claim=claim, nic=0, network=NETWORK, mode="auto", address="10.0.0.1", mac="", **span
            )
        )
    return rows


def _operations() -> list[Base]:
    asked = {"author": AUTHOR, "request_id": "r", "digest": "d", "region": REGION}
    rows: list[Base] = [
        Operation(
            id=one,
            type=kind,
            object_type="machine",
            object_id=machine,
            endpoint=endpoint,
            state="done",
            ended_at=NOW,
            **asked,
            **STATUS,
        )
        for one, kind, machine, endpoint in (
            (DEPLOYED, "provision", BAREMETAL, SERVER),
            (OVER, "decommission", ENDED, ENDED),
        )
    ]
    for number, name in enumerate(("boot ramdisk (deploy)", "deploy", "boot"), 1):
        rows.append(
            Step(operation=DEPLOYED, number=number, name=name, state="done", started_at=EARLIER)
        )
    rows.append(Slot(endpoint=SERVER, operation=None, fence=1))
    rows += [_event(1, "created", "requested"), _event(2, "state", "active")]
    return rows


def _event(revision: int, kind: str, state: str) -> EventRow:
    return EventRow(
        revision=revision,
        at=EARLIER,
        object_type="machine",
        object_id=VIRTUAL,
        region=REGION,
        kind=kind,
        operation=DEPLOYED,
        state=state,
        message=state,
    )


@pytest.fixture
def session(sqlite_database: Database) -> Iterator[Session]:
    with Session(sqlite_database.engine) as session:
        for row in a_good_site():
            session.add(row)
            session.flush()
        yield session


def changed(table: type[Base], key: str, **values: object) -> Callable[[Session], object]:
    """Plant other values in the rows with a key, or the first part of one."""
    first = inspect(table).primary_key[0]
    return lambda session: session.execute(update(table).where(first == key).values(**values))


def added(row: Callable[[], Base]) -> Callable[[Session], object]:
    """Plant a row."""
    return lambda session: session.add(row())


def test_a_good_site_is_good(session: Session) -> None:
    assert checker.check_records(checker.read_records(session)) == []
    assert checker.check_records(checker.read_records(session, REGION)) == []
    assert checker.read_records(session, str(uuid4())).machines == {}


SOON = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (changed(Operation, OVER, state="running"), f"operation {OVER} (decommission) has not"),
        (changed(Step, DEPLOYED, state="running"), "which has ended, is running"),
        (changed(ClaimRow, CLAIMS[VIRTUAL], state="released"), f"{VIRTUAL} is active and has no"),
        (changed(ClaimRow, CLAIMS[ENDED], state="confirmed"), f"machine {ENDED}, which is not"),
        (changed(Machine, VIRTUAL, claim=str(uuid4())), "has no claim"),
        (changed(Machine, VIRTUAL, state="provisioning", deadline=SOON), "nobody is at work on it"),
        (changed(Machine, BAREMETAL, state="failed"), f"server {SERVER} is in_use, and no machine"),
        (changed(Server, SERVER, machine=None), "which doesn't know it"),
        (changed(Server, SERVER, machine=VIRTUAL), f"has machine {VIRTUAL}, which is not there"),
        (changed(Server, SERVER, state="available"), "is available, and not clean or not free"),
        (changed(Host, HOST, state="enrolled", deadline=SOON), f"{HOST} is enrolled, and nobody"),
        (changed(Host, HOST, state="quarantined", reason=""), "quarantined without a reason"),
        (changed(Slot, SERVER, operation=OVER), f"the slot of {SERVER} is taken"),
        (changed(NameRow, ENDED, released_at=None), f"machine {ENDED} has ended, and its name"),
        (changed(AddressClaimRow, CLAIMS[ENDED], occupied_until=WITHOUT_END), "10.0.0.1 is taken"),
        (changed(AllocationRow, CLAIMS[ENDED], occupied_until=WITHOUT_END), "VCPU is taken"),
        (changed(AllocationRow, CLAIMS[ENDED], amount=3), "5 VCPU of provider"),
        (added(lambda: _event(3, "created", "requested")), f"machine {VIRTUAL} was created 2"),
        (added(lambda: _event(3, "state", "active")), f"machine {VIRTUAL} became active twice"),
    ],
    ids=lambda value: value.replace(" ", "-")[-40:] if isinstance(value, str) else "",
)
def test_a_planted_record_is_found(
    session: Session, plant: Callable[[Session], object], words: str
) -> None:
    plant(session)
    session.flush()
    found = checker.check_records(checker.read_records(session))
    assert any(words in one for one in found), found


def test_a_state_that_is_told_again_with_another_deadline_is_told_once(session: Session) -> None:
    session.add(again := _event(3, "state", "active"))
    again.deadline = NOW
    session.flush()
    assert checker.check_records(checker.read_records(session)) == []


def test_what_is_over_before_the_next_begins_is_no_peak(session: Session) -> None:
    changed(AllocationRow, CLAIMS[ENDED], amount=4)(session)
    ended = NOW - timedelta(minutes=1)
    changed(ClaimRow, CLAIMS[VIRTUAL], acquire_at=ended)(session)
    assert checker.check_records(checker.read_records(session)) == []


def test_what_was_moved_there_when_the_other_was_over_is_no_peak(session: Session) -> None:
    changed(AllocationRow, CLAIMS[ENDED], amount=4)(session)
    assert "same time" in str(checker.check_records(checker.read_records(session)))
    moved = _event(3, "moved", "confirmed")
    moved.object_type, moved.object_id = "claim", CLAIMS[VIRTUAL]
    moved.at = NOW - timedelta(minutes=1)
    session.add(moved)
    session.flush()
    assert "same time" not in str(checker.check_records(checker.read_records(session)))


def test_a_lapsed_hold_is_no_peak(session: Session) -> None:
    hold = {"release_at": WITHOUT_END, "occupied_until": WITHOUT_END, "held_until": EARLIER}
    changed(AllocationRow, CLAIMS[ENDED], amount=4, **hold)(session)
    found = checker.check_records(checker.read_records(session))
    assert not any("same time" in one for one in found)


# Temporal


async def test_an_operation_and_its_workflow_end_together(
    session: Session, breakable_site: Site
) -> None:
    session.execute(delete(Operation).where(Operation.id == OVER))
    workflow, stray, client = DEPLOYED, str(uuid4()), breakable_site.client
    records = checker.read_records(session)
    assert await _workflows(breakable_site, records) == [
        f"operation {DEPLOYED} is not known to Temporal"
    ]

    async def start() -> None:
        for one in (workflow, stray):
            await client.start_workflow("Nothing", id=one, task_queue="nobody's")
        while not [one async for one in client.list_workflows(f"WorkflowId = '{stray}'")]:
            pass

    await asyncio.to_thread(breakable_site.run, start())
    try:
        found = await _workflows(breakable_site, records)
    finally:
        for one in (workflow, stray):
            await asyncio.to_thread(breakable_site.run, client.get_workflow_handle(one).terminate())
    assert f"workflow {workflow} is running" in found
    assert f"workflow {stray} is running, and there is no such operation" in found
    assert await _workflows(breakable_site, records) == []


async def _workflows(site: Site, records: checker.Records) -> list[str]:
    looking = checker.check_workflows(records, site.client)
    return await asyncio.to_thread(site.run, looking)


# Hosts and executors

DOMAIN = (
    "<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><memory>1</memory>"
    "<os><type>hvm</type></os></domain>"
)
VOLUME = "<volume><name>{}</name><capacity>1</capacity></volume>"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SeenHost]:
    """libvirt's test driver, one for the whole process, with the virtual machine's domain only."""
    connection = libvirt.open("test:///default")
    for domain in connection.listAllDomains():
        if domain.isActive():
            domain.destroy()
        domain.undefine()
    for volume in connection.storagePoolLookupByName("default-pool").listAllVolumes():
        volume.delete()
    connection.defineXML(DOMAIN.format(name=f"mulligan-{VIRTUAL}", uuid=VIRTUAL))
    for folder in ("nvram", "console", "media"):
        (tmp_path / folder).mkdir()
    yield SeenHost(HOST, connection, {VIRTUAL: 1}, tmp_path / "nvram", tmp_path)
    connection.close()


def test_a_good_host_is_good(session: Session, host: SeenHost) -> None:
    records = checker.read_records(session)
    volume = host.connection.storagePoolLookupByName("default-pool")
    for name in (f"root-{VIRTUAL}", f"config-{VIRTUAL}", "base-1", "somebody-else's"):
        volume.createXML(VOLUME.format(name), 0)
    (host.nvram / f"mulligan-{VIRTUAL}_VARS.fd").touch()
    assert checker.check_host(records, host) == []
    assert checker.check_files(records, host.files) == []


def test_what_is_left_on_a_host_is_found(session: Session, host: SeenHost) -> None:
    host.connection.defineXML(DOMAIN.format(name=f"mulligan-{ENDED}", uuid=ENDED))
    pool = host.connection.storagePoolLookupByName("default-pool")
    for name in (f"config-{ENDED}", "base-1"):
        pool.createXML(VOLUME.format(name), 0)
    (host.nvram / f"mulligan-{ENDED}_VARS.fd").touch()
    (host.files / "console" / f"{ENDED}.log").touch()
    assert sorted(checker.check_host(checker.read_records(session), host)) == sorted(
        [
            "volumes base-1 are there, and no machine stands on them",
            f"domain mulligan-{ENDED} is left over",
            f"volume config-{ENDED} is left over",
            f"NVRAM mulligan-{ENDED}_VARS.fd is left over",
            f"console mulligan-{ENDED}.log is left over",
        ]
    )
    changed(Host, HOST, state="quarantined")(session)
    assert checker.check_host(checker.read_records(session), host) == []


def test_a_machine_is_defined_once(session: Session, host: SeenHost) -> None:
    records = checker.read_records(session)
    twice = replace(host, definitions={VIRTUAL: 2})
    assert checker.check_host(records, twice) == [f"domain {VIRTUAL} was defined 2 times"]
    copy = DOMAIN.format(name=f"mulligan-{VIRTUAL}-copy", uuid=uuid4())
    host.connection.defineXML(copy)
    assert checker.check_host(records, host) == [f"machine {VIRTUAL} has more than one domain"]
    for domain in host.connection.listAllDomains():
        if VIRTUAL in domain.name():
            domain.undefine()
    assert checker.check_host(records, host) == [f"machine {VIRTUAL} is active, and has no domain"]


def test_media_of_what_ended_are_found(session: Session, host: SeenHost) -> None:
    for operation in (DEPLOYED, stray := str(uuid4())):
        (host.files / "media" / operation).mkdir()
    served = {f"media of operation {one} are still served" for one in (DEPLOYED, stray)}
    assert set(checker.check_files(checker.read_records(session), host.files)) == served
    changed(Server, SERVER, state="quarantined")(session)
    [left] = checker.check_files(checker.read_records(session), host.files)
    assert stray in left


# BMCs

GOOD = SeenBmc(SERVER, is_on=True, medium=None, inserts=1, starts=2, is_clean=False)


@pytest.mark.parametrize(
    ("seen", "state", "words"),
    [
        (GOOD, "in_use", ""),
        (replace(GOOD, medium="http://us/media/secret/boot.iso"), "in_use", "is in its drive"),
        (replace(GOOD, medium="http://us/media/secret/boot.iso"), "quarantined", ""),
        (replace(GOOD, is_on=False), "in_use", f"its server {SERVER} is off"),
        (replace(GOOD, is_clean=True), "available", "is available, and it is on"),
        (replace(GOOD, is_on=False), "available", "its disk is not empty"),
        (replace(GOOD, inserts=2), "in_use", "2 media went into server"),
        (replace(GOOD, starts=3), "in_use", "was started 3 times, for 2 boots"),
    ],
)
def test_what_a_bmc_shows_is_compared(
    session: Session, seen: SeenBmc, state: str, words: str
) -> None:
    changed(Server, SERVER, state=state)(session)
    found = checker.check_bmc(checker.read_records(session), seen)
    assert any(words in one for one in found) if words else found == []
