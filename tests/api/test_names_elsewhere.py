"""Names live in meta's tables and nowhere else: every other column of both databases is read."""

import base64
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from activities.contracts import hypervisor
from mulligan.control import differences
from mulligan.control.reconcile import Found
from mulligan.database import Database
from mulligan.tables import METADATA
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import SHA256, Place, at, new_name
from tests.fakes.site import PASSWORD, Site

METAS = ("names", "old_slugs", "planned_names")

WORDS = {
    *(("events", column) for column in ("message", "reason", "next_action")),
    ("operations", "reason"),
    ("operation_steps", "message"),
    ("machines", "reason"),
    ("reservations", "problem"),
    ("reservation_series", "reason"),
    *(("differences", column) for column in ("message", "action")),
}
"""Sentences for people: a name in one is a copy as of then, and nothing looks it up there.

What operators register (provider types, resource types, capabilities, ways to measure) are words
that are keys, not names of objects.
"""

EMPTY = {"published_token_keys": "a site has iam's keys there that is served without iam"}
"""Tables that have no rows in the test, and why. They have no column for words."""

NAMED = {"update_mask": {"paths": ["name"]}}


def test_names_are_in_no_other_table(place: Place, site: Site) -> None:
    mark = f"Zq{uuid4().hex}"
    fill(place, mark)
    assert tables_without_rows(site) == EMPTY.keys(), "what is empty tells nothing"
    found = set(columns_with(site.database, mark)) | set(columns_with(site.installation, mark))
    assert {("names", "name"), ("names", "slug"), ("old_slugs", "slug")} <= found
    assert ("planned_names", "name") in found
    elsewhere = {one for one in found if one[0] not in METAS}
    assert elsewhere - WORDS == set()
    assert ("events", "message") in elsewhere, "what is excepted is looked for, too"


def fill(place: Place, mark: str) -> None:
    """Make one of everything with a name, fail and end some, and rename what can be."""
    site, operator, numbers = place.site, place.operator, iter(range(100))

    def name() -> str:
        return f"{mark} {next(numbers)}"

    region = str(operator.CreateRegion(name=name()).metadata.id)
    project = str(operator.CreateProject(name=name()).metadata.id)
    place.__dict__.update(region=region, project=project)
    sign_in(place, name)
    assert place.executor
    image = {"url": "http://images/a.raw", "sha256": SHA256, "disk_format": "raw"}
    image_id = operator.CreateImage(name=name(), region=region, spec=image).metadata.id
    network = place.create_network(name=name()).metadata.id
    place.__dict__.update(image=image_id, network=network)
    group = arrange(place, name)
    host, server = place.add_host(name=name()), place.add_server(name=name())
    for endpoint in (host, server):
        place.end_of_check(endpoint)
    machine, ended = place.machine(name=name()), place.machine(name=name())
    site.end_of(place.decommission(ended).metadata.id)
    reserve(place, name)
    say_more(place, [region, project, image_id, host, machine])
    find_differences(place, server)
    for noun, one in (
        ("Host", host), ("Server", server), ("Image", image_id), ("Network", network),
        ("Group", group), ("Machine", machine), ("Project", project), ("Region", region),
    ):  # fmt: skip
        where = {"project": project} if noun == "Machine" else {}
        caller = place.member if where else operator
        getattr(caller, f"Update{noun}")(id=one, name=name(), **NAMED, **where)
    place.executor.breaks(hypervisor.stage, "OUT_OF_SPACE")
    failed = place.provision(name=name())
    assert site.end_of(failed.metadata.id).status.state == "failed"


def sign_in(place: Place, name: Callable[[], str]) -> None:
    """Make accounts of both types, and fail to sign in; rename both."""
    site, operator, account = place.site, place.operator, name()
    made = operator.CreateAccount(name=account, password=PASSWORD).metadata.id
    operator.AssignRole(account=made, role=common_pb2.ROLE_MEMBER, project=place.project)
    with refused("UNAUTHENTICATED"):
        site.caller().Login(account=account, password="wrong")
    answer = site.caller().Login(account=account, password=PASSWORD)
    member = place.__dict__["member"] = site.caller(answer.access_token)
    program = member.CreateApplicationCredential(
        name=name(),
        secret="s" * 32,
        roles=[{"role": common_pb2.ROLE_READER, "project": place.project}],
        methods=["ControlService/ListMachines"],
        region=place.region,
    )
    member.UpdateApplicationCredential(id=program.metadata.id, name=name(), **NAMED)
    operator.UpdateAccount(id=made, name=name(), **NAMED)


def arrange(place: Place, name: Callable[[], str]) -> str:
    """Make providers, and a group of them; say how far apart they are. Gives the group."""
    operator, kind, ids = place.operator, f"t{uuid4().hex[:8]}", [str(uuid4()) for _ in range(3)]
    operator.CreateProviderType(name=kind)
    operator.CreateDistanceType(name=kind, codes=["port", "switch"])
    operator.CreateCapability(name=f"t:{kind}")
    given = {"type": kind, "capabilities": [f"t:{kind}"], "properties": {"height": 42}}
    operator.CreateProviders(
        region=place.region, providers=[{"id": one, "name": name(), **given} for one in ids]
    )
    operator.SetDistances(type=kind, set=[{"a": ids[0], "b": ids[1], "code": "port"}])
    members = {"members": ids[:2], "sharing": ids[2:]}
    return str(operator.CreateGroup(name=name(), region=place.region, **members).metadata.id)


def say_more(place: Place, objects: Sequence[str]) -> None:
    """Tag, describe, mark, freeze and configure what has names, and bound it."""
    operator, attribute = place.operator, f"a{uuid4().hex[:8]}"
    operator.UpdateTags(object_ids=objects, add=["a tag"])
    operator.CreateMetadef(attribute=attribute, schema="true", project=place.project)
    said = {"object_id": place.project, "attribute": attribute, "value": "1"}
    operator.SetAttributes(attributes=[said])
    operator.SetMark(object_id=objects[-1], kind="protected", reason="payroll")
    operator.SetQuota(project=place.project, spec={"claims": 100})
    operator.ExecutorConfigure(
        region=place.region,
        spec={"bmc_answer_timeout": {"seconds": 20}},
        update_mask={"paths": ["spec.bmc_answer_timeout"]},
    )
    place.site.end_of(operator.RotateRegionKey(region=place.region).metadata.id)


def find_differences(place: Place, server: str) -> None:
    """Write down that a server is late; freeze a region below."""
    facts = {"object_type": "server", "id": server, "state": "cleaning", "deadline": "yesterday"}
    late = Found("OVERDUE", place.region, "server", server, {**facts, "command": "verify"})

    def record(session: Session) -> None:
        found = differences.describe(session, [late])
        differences.record_found(
            session, place.region, found, at=datetime.now(UTC), kinds=("OVERDUE",)
        )

    place.site.database.write(record)
    below = place.operator.CreateRegion(name=new_name("below"), parent=place.region).metadata.id
    place.operator.Freeze(region=below, reason="the power is measured")


def reserve(place: Place, name: Callable[[], str]) -> None:
    """Reserve a machine for later, and others again and again; cancel and end that."""
    wanted = {"machine": place.spec(), "machine_name": name()}
    where = {"project": place.project, "region": place.region}
    window = {"acquire_at": at(days=2), "release_at": at(days=3)}
    [made] = place.member.CreateReservations(
        **where, spec={**wanted, "window": window}
    ).reservations
    assert made.spec.machine_name == wanted["machine_name"]
    cancel = {"project": place.project, "id": made.metadata.id, "request_id": str(uuid4())}
    cancelled = place.member.CancelReservation(**cancel)
    place.site.end_of(made.operation)
    assert place.member.CancelReservation(**cancel) == cancelled
    assert cancelled.spec.machine_name == wanted["machine_name"]
    day = f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()
    series = place.member.CreateReservationSeries(
        **where,
        spec={**wanted, "machine_name": name()},
        recurrence={"days": [day], "start": "08:00", "end": "09:00", "time_zone": "UTC"},
        ahead={"seconds": 60},
    )
    assert series.spec.machine_name
    place.operator.until(
        lambda event: " made on " in event.status.reason, object_id=series.metadata.id
    )
    ended = place.member.EndReservationSeries(project=place.project, id=series.metadata.id)
    assert ended.spec == series.spec


def tables_without_rows(site: Site) -> set[str]:
    """Tables of which a scan of both databases tells nothing."""
    without = set(METADATA.tables)
    for database in (site.database, site.installation):
        with database.engine.connect() as connection:
            for table in METADATA.tables.values():
                if connection.execute(select(table).limit(1)).first() is not None:
                    without.discard(table.name)
    return without


def columns_with(database: Database, mark: str) -> Iterator[tuple[str, str]]:
    """Give the columns, by table and name, of which a value holds a mark, in any case."""
    with database.engine.connect() as connection:
        for table in METADATA.tables.values():
            yield from _of_table(connection, table, mark.lower())


def _of_table(connection: Connection, table: Any, mark: str) -> Iterator[tuple[str, str]]:
    for row in connection.execute(select(table)).mappings():
        for column, value in row.items():
            if mark in _text(value).lower():
                yield table.name, str(column)


def _text(value: Any) -> str:
    """Give what any kind of value says, of a log what it says uncompressed."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    try:
        return zlib.decompress(base64.b64decode(value, validate=True)).decode()
    except (TypeError, ValueError, zlib.error):
        return str(value)
