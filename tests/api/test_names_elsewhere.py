"""Names live in meta's tables and nowhere else: every other column of both databases is read."""

import base64
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from activities.contracts import hypervisor
from mulligan.database import Database
from mulligan.tables import METADATA
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import SHA256, Place, at
from tests.fakes.site import PASSWORD, Site

METAS = ("names", "old_slugs", "planned_names")

WORDS = {
    *(("events", column) for column in ("message", "reason", "next_action")),
    ("operations", "reason"),
    ("operation_steps", "message"),
    ("machines", "reason"),
    ("reservations", "problem"),
    ("reservation_series", "reason"),
    ("differences", "message"),
}
"""Sentences for people: a name in one is a copy as of then, and nothing looks it up there.

What operators register (provider types, resource types, capabilities, ways to measure) are words
that are keys, not names of objects.
"""


def test_names_are_in_no_other_table(place: Place, site: Site) -> None:
    mark = f"Zq{uuid4().hex}"
    fill(place, mark)
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
    account = name()
    made = operator.CreateAccount(name=account, password=PASSWORD).metadata.id
    operator.AssignRole(account=made, role=common_pb2.ROLE_MEMBER, project=project)
    with refused("UNAUTHENTICATED"):
        site.caller().Login(account=account, password="wrong")
    place.__dict__["member"] = site.caller(
        site.caller().Login(account=account, password=PASSWORD).access_token
    )
    assert place.executor
    image = {"url": "http://images/a.raw", "sha256": SHA256, "disk_format": "raw"}
    image_id = operator.CreateImage(name=name(), region=region, spec=image).metadata.id
    network = place.create_network(name=name()).metadata.id
    place.__dict__.update(image=image_id, network=network)
    kind = operator.CreateProviderType(name=f"t{uuid4().hex[:8]}").name
    operator.CreateProviders(region=region, providers=[{"name": name(), "type": kind}])
    group = operator.CreateGroup(name=name(), region=region).metadata.id
    host, server = place.add_host(name=name()), place.add_server(name=name())
    for endpoint in (host, server):
        place.end_of_check(endpoint)
    machine, ended = place.machine(name=name()), place.machine(name=name())
    site.end_of(place.decommission(ended).metadata.id)
    reserve(place, name)
    mask = {"update_mask": {"paths": ["name"]}}
    for noun, one in (
        ("Host", host), ("Server", server), ("Image", image_id), ("Network", network),
        ("Group", group), ("Machine", machine),
    ):  # fmt: skip
        where = {"project": project} if noun == "Machine" else {}
        getattr(place.member if where else operator, f"Update{noun}")(
            id=one, name=name(), **mask, **where
        )
    place.executor.breaks(hypervisor.stage, "OUT_OF_SPACE")
    failed = place.provision(name=name())
    assert site.end_of(failed.metadata.id).status.state == "failed"


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
