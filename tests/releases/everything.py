"""A bit of everything that an installation can hold, made through its API."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.fakes.caller import refused
from tests.fakes.place import Place, new_name
from tests.fakes.site import PASSWORD
from tests.workflows.test_reservation import reached
from tests.workflows.test_reservation_series import hours, look

FAR, FARTHER = (Timestamp(seconds=seconds) for seconds in (4_070_908_800, 4_102_444_800))
"""The years 2099 and 2100: what is to come stays to come as long as the release is tried."""

VCPU = {"amounts": [{"resource_type": "VCPU", "amount": 1}]}


def add_everything(place: Place) -> None:
    """Fill a place and the installation around it; nothing is left that goes on by itself."""
    place.server()
    place.server(name="db-9", project=place.project)
    place.host(name="hyper-9", project=place.project)
    _add_accounts(place)
    _add_regions(place)
    _add_providers(place)
    _add_machines(place)
    _add_claims(place)
    _add_words(place)
    _add_settings(place)
    with refused("PERMISSION_DENIED"):
        place.member.CreateRegion(name=new_name("refused"))


def _add_accounts(place: Place) -> None:
    operator, site, project = place.operator, place.site, place.project
    below = operator.CreateProject(name=new_name("below"), parent=project).metadata.id
    operator.UpdateProject(id=below, name="renamed project", update_mask={"paths": ["name"]})
    deleted = operator.CreateProject(name=new_name("deleted")).metadata.id
    operator.DeleteProject(id=deleted)
    account = site.new_account()
    reader = common_pb2.ROLE_READER
    for where in ({"project": project}, {"region": place.region}, {}):
        operator.AssignRole(account=account, role=reader, **where)
    user = site.caller(site.caller().Login(account=account, password=PASSWORD).access_token)
    user.CreateApplicationCredential(
        name="a program",
        secret="s" * 32,
        roles=[{"role": reader, "project": project}],
        expires_at=FAR,
        methods=["ControlService/ListMachines"],
        region=place.region,
    )
    disabled = site.new_account()
    operator.UpdateAccount(id=disabled, disabled=True, update_mask={"paths": ["disabled"]})


def _add_regions(place: Place) -> None:
    operator = place.operator
    domains = [
        {"kind": common_pb2.DOMAIN_KIND_POWER, "codes": ["feed-a", "feed-b"]},
        {"kind": common_pb2.DOMAIN_KIND_BUILDING, "codes": ["north"]},
    ]
    shown = {"visibility": iam_pb2.VISIBILITY_PROJECTS, "visible_to": [place.project]}
    inner = operator.CreateRegion(
        name="Raum für Größeres",
        parent=place.region,
        spec={"failure_domains": domains, **shown},
    )
    operator.Freeze(region=inner.metadata.id, reason="the power is measured")
    operator.RegisterService(
        id=str(uuid4()),
        site=str(uuid4()),
        kinds=["control", "meta", "resource"],
        address="grpcs://other-site.example:7600",
        version="0.1.0",
        regions=[inner.metadata.id],
    )


def _add_providers(place: Place) -> None:
    operator, ids = place.operator, [str(uuid4()) for _ in range(3)]
    operator.CreateProviderType(name="rack", description="holds servers", cleaning_margin_s=60)
    operator.CreateResourceType(name="CUSTOM_FPGA", description="cards")
    operator.CreateCapability(name="custom:quiet", description="makes no noise")
    operator.CreateDistanceType(name="cable", codes=["port", "switch"])
    cards = [{"resource_type": "CUSTOM_FPGA", "total": 8, "step_size": 2, "max_unit": 4}]
    operator.CreateProviders(
        region=place.region,
        providers=[
            {"id": ids[0], "name": "rack 1", "type": "rack", "properties": {"height": 42}},
            {"id": ids[1], "name": "shelf 1", "type": "rack", "parent": ids[0]},
            {
                "id": ids[2],
                "name": "shelf 2",
                "type": "rack",
                "parent": ids[0],
                "inventories": cards,
                "capabilities": ["custom:quiet"],
            },
        ],
    )
    operator.CreateGroup(
        name="a row", region=place.region, members=[place.host(), ids[0]], sharing=ids[2:]
    )
    operator.SetDistances(type="cable", set=[{"a": ids[1], "b": ids[2], "code": "switch"}])
    operator.MarkProviders(ids=ids[1:2], kind="maintenance", reason="a fan")


def _add_machines(place: Place) -> None:
    member, named = place.member, {"update_mask": {"paths": ["name"]}}
    kept = place.machine(name="web-1")
    member.UpdateMachine(project=place.project, id=kept, name="Ωμέγα 1", **named)
    place.operator.SetMark(object_id=kept, kind="protected", reason="payroll")
    place.machine("baremetal", name="db-1")
    ended = place.decommission(place.machine(name="gone-1"))
    place.site.end_of(ended.metadata.id)


def _add_claims(place: Place) -> None:
    member, where = place.member, {"project": place.project, "region": place.region}
    place.operator.SetQuota(
        project=place.project,
        spec={"claims": 100, "amounts": [{"resource_type": "VCPU", "amount": 64}]},
    )
    window = {"acquire_at": FAR, "release_at": FARTHER}
    released = place.claim(spec=VCPU)
    member.ReleaseClaim(project=place.project, id=released.metadata.id)
    place.claim(spec=VCPU)
    place.claim(spec={**VCPU, "window": window})
    assert place.claim(spec=VCPU, hold_until=FAR).status.state == "held"
    for purpose in ("a conference", "cancelled"):
        [made] = member.CreateReservations(
            spec={"claim": VCPU, "window": window, "purpose": purpose}, **where
        ).reservations
    member.CancelReservation(project=place.project, id=made.metadata.id)
    _add_series(place)


def _add_series(place: Place) -> None:
    """One that goes on, and has made nothing; one that ended, as did all that it had made."""
    member, project = place.member, {"project": place.project}
    asked: dict[str, Any] = {**project, "region": place.region, "spec": {"claim": VCPU}}
    active = member.CreateReservationSeries(
        recurrence=hours(timedelta(hours=2), timedelta(hours=3)), ahead={"seconds": 1}, **asked
    )
    place.operator.until(lambda event: "0 made" in event.message, object_id=active.metadata.id)
    weekly = {"days": ["mon"], "start": "09:00", "end": "17:00", "time_zone": "Europe/Berlin"}
    ended = member.CreateReservationSeries(
        recurrence=weekly, ahead={"seconds": 14 * 86_400}, **asked
    )
    look(place, ended)
    member.EndReservationSeries(**project, id=ended.metadata.id)
    for made in member.ListReservations(**project, series=ended.metadata.id).reservations:
        member.CancelReservation(**project, id=made.metadata.id)
        reached(place, made, "cancelled")
        place.site.end_of(made.operation)


def _add_words(place: Place) -> None:
    operator, objects = place.operator, [place.region, place.project, place.image]
    operator.UpdateTags(object_ids=objects, add=["a tag", "schön", "env=prod"])
    defined: dict[str, Any] = {
        "attribute": "rack.height",
        "description": "in units",
        "schema": '{"type": "integer", "minimum": 1}',
        "read_role": common_pb2.ROLE_READER,
        "write_role": common_pb2.ROLE_OPERATOR,
    }
    operator.CreateMetadef(**defined)
    operator.CreateMetadef(project=place.project, **{**defined, "schema": '{"type": "number"}'})
    said = {"object_id": place.project, "attribute": "rack.height", "value": "42"}
    operator.SetAttributes(attributes=[said])


def _add_settings(place: Place) -> None:
    operator, often = place.operator, {"per_second": 900, "burst": 100}
    masked: dict[str, Any] = {"update_mask": {"paths": ["spec.writes"]}, "spec": {"writes": often}}
    for service in ("Iam", "Meta", "Resource", "Control"):
        getattr(operator, f"{service}Configure")(**masked)
    operator.ExecutorConfigure(
        region=place.region,
        spec={"bmc_answer_timeout": {"seconds": 20}},
        update_mask={"paths": ["spec.bmc_answer_timeout"]},
    )
    operator.RotateTokenKeys()
