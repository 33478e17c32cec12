"""One of everything that a project can have, and calls that name it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from google.protobuf.descriptor import MethodDescriptor

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller
from tests.fakes.place import Place, at, new_name
from tests.fakes.site import PASSWORD

VERBS = (
    "BatchGet", "Create", "Update", "Delete", "Get", "Verify", "Inspect", "Confirm", "Release",
    "Cancel", "Decommission", "End", "Abort", "Retry", "Revoke",
)  # fmt: skip
IN_FOUR_DAYS = f"{datetime.now(UTC) + timedelta(days=4):%a}".lower()
WEEKLY = {"days": [IN_FOUR_DAYS], "start": "19:00", "end": "20:00", "time_zone": "UTC"}
"""While a test runs nothing of it is reserved, and no more of it comes into the 31 days shown."""

WINDOW = {"acquire_at": at(hours=1), "release_at": at(hours=2)}
VCPU = {"amounts": [{"resource_type": "VCPU", "amount": 1}]}


def access_of(method: MethodDescriptor) -> common_pb2.Access:
    """The option next to an RPC."""
    option: common_pb2.Access = method.GetOptions().Extensions[common_pb2.access]
    return option


def belongings(place: Place) -> dict[str, str]:
    """Make one of everything in a place's project; gives ids and names by what they are of."""
    operator, machine = place.operator, place.machine()
    [operation] = operator.ListOperations(object_id=machine).operations
    where = {"project": place.project, "region": place.region}
    [reservation] = place.member.CreateReservations(
        spec={"claim": VCPU, "window": WINDOW}, **where
    ).reservations
    series = place.member.CreateReservationSeries(
        spec={"claim": VCPU},
        recurrence=WEEKLY,
        ahead={"seconds": 86_400},
        **where,
    )
    operator.SetQuota(project=place.project, spec={"claims": 100})
    operator.UpdateTags(object_ids=[machine], add=[f"tag-{machine}"])
    metadef = operator.GetMetadef(id=define_attribute(place))
    value = {"object_id": machine, "attribute": metadef.attribute, "value": "1"}
    operator.SetAttributes(attributes=[value])
    return {
        "Machine": machine,
        "machine name": place.get(machine).metadata.name,
        "Operation": operation.metadata.id,
        "Claim": place.claim(spec=VCPU, hold_until=at(hours=1)).metadata.id,
        "Reservation": reservation.metadata.id,
        "ReservationSeries": series.metadata.id,
        "Project": place.project,
        "Metadef": metadef.metadata.id,
        "attribute": metadef.attribute,
        "tag": f"tag-{machine}",
        **_belongings_of_an_account(place),
    }


def _belongings_of_an_account(place: Place) -> dict[str, str]:
    site, account = place.site, place.site.new_account()
    reader = common_pb2.ROLE_READER
    site.admin.AssignRole(account=account, role=reader, project=place.project)
    signed_in = site.caller().Login(account=account, password=PASSWORD)
    theirs = site.caller(signed_in.access_token)
    credential = theirs.CreateApplicationCredential(
        name=new_name("program"),
        secret="s" * 32,
        roles=[{"role": reader, "project": place.project}],
    )
    return {
        "Account": account,
        "Session": theirs.ListSessions().sessions[0].id,
        "ApplicationCredential": credential.metadata.id,
    }


def define_attribute(place: Place) -> str:
    """Define an attribute that the project's members read and its operators write."""
    made = place.operator.CreateMetadef(
        project=place.project,
        attribute=f"attribute-{uuid4()}",
        schema="true",
        read_role=common_pb2.ROLE_MEMBER,
        write_role=common_pb2.ROLE_OPERATOR,
    )
    return str(made.metadata.id)


def naming(method: MethodDescriptor, known: Mapping[str, str]) -> dict[str, Any]:
    """The fields with which a call names what is there: ids by what they are of."""
    noun = method.name
    for verb in VERBS:
        noun = noun.removeprefix(verb)
    one = known.get(noun) or known.get(noun.removesuffix("s")) or known["Machine"]
    changed: dict[str, Any] = {"id": one}
    if method.name == "ChangeClaims":
        # It has begun: its start is left as it is.
        changed = {"id": known["Claim"], "window": {"release_at": WINDOW["release_at"]}}
    ways: dict[str, Any] = {
        "id": one,
        "ids": [one],
        "object_id": known["Machine"],
        "account": known["Account"],
        "changes": [changed],
        "window": WINDOW,
        "project": known["Project"],
        "region": known["Region"],
        "parent": known["Region" if "Region" in method.name else "Project"],
        "length": {"seconds": 60},
        "spec": _spec(method, known),
        "by": 1,
        "object_ids": [known["Machine"]],
        "child": known["Project"],
        "reservation": known["Reservation"],
        "series": known["ReservationSeries"],
        "operation": known["Operation"],
        "object_type": "machine",
        "names": [known["machine name"]],
        "tags": [known["tag"]],
        "attribute": known["attribute"],
        "attributes": [{"object_id": known["Machine"], "attribute": known["attribute"]}],
        "creator": known["Account"],
        "roles": [{"role": common_pb2.ROLE_READER, "project": known["Project"]}],
        "recurrence": WEEKLY,
        "ahead": {"seconds": 86_400},
    }
    if access_of(method).scope == common_pb2.SCOPE_PLACE:
        del ways["region"]
    fields = method.input_type.fields_by_name
    return {name: value for name, value in ways.items() if name in fields and value is not None}


def _spec(method: MethodDescriptor, known: Mapping[str, str]) -> Any:
    """What a call asks for, where it is a project's to ask; else None."""
    field = method.input_type.fields_by_name.get("spec")
    kind = field.message_type.name if field and field.message_type else ""
    if method.name == "CreateReservationSeries":
        return {"claim": VCPU}
    return {
        "ClaimSpec": {"region": known["Region"], "window": WINDOW, **VCPU},
        "MachineSpec": {
            "kind": "virtual",
            "image": known["Image"],
            "vcpus": 1,
            "memory_mib": 64,
            "disk_gib": 1,
        },
        "QuotaSpec": {"claims": 50},
        "ReservationSpec": {"claim": VCPU, "window": WINDOW},
    }.get(kind)


def tried(caller: Caller, method: MethodDescriptor, request: Any) -> list[Any]:
    """What a call gives: one message, or those of a stream that ends."""
    given = caller.send(method, request)
    return list(given) if method.server_streaming else [given]
