"""Who runs a region asks again with the same request id for what is gone since."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import Place, new_name

NAME = {"paths": ["name"]}

MAKES: dict[str, Callable[[Place], str]] = {
    "Network": lambda place: str(place.create_network().metadata.id),
    "Host": lambda place: place.host(),
    "Image": lambda place: place.image,
    "Group": lambda place: str(
        place.operator.CreateGroup(name=new_name("group"), region=place.region).metadata.id
    ),
}


@pytest.mark.parametrize("noun", MAKES)
def test_a_retry_is_answered_as_the_first_time(place: Place, noun: str) -> None:
    operator = place.site.account(common_pb2.ROLE_OPERATOR, region=place.region)
    made = MAKES[noun](place)
    update, delete = getattr(operator, f"Update{noun}"), getattr(operator, f"Delete{noun}")
    change = {"id": made, "name": new_name(noun), "update_mask": NAME, "request_id": str(uuid4())}
    end = {"id": made, "request_id": str(uuid4())}
    changed = update(**change)
    ended = delete(**end)
    assert update(**change).metadata.id == changed.metadata.id
    assert delete(**end) == ended


@pytest.mark.parametrize("noun", ["Host", "Server"])
def test_who_added_hardware_that_is_gone_since_is_answered_as_before(
    place: Place, noun: str
) -> None:
    assert place.executor
    fields = place.asks_for(noun)
    create, delete = (getattr(place.operator, f"{verb}{noun}") for verb in ("Create", "Delete"))
    first = create(**fields)
    place.site.end_of(first.operation)
    delete(id=first.metadata.id)
    assert create(**fields) == first
    with refused("ALREADY_EXISTS", about="request_id"):
        create(**{**fields, "name": "another"})


def test_a_credential_that_ended_with_its_account_is_answered_for_as_before(place: Place) -> None:
    admin, account = place.site.admin, place.site.account(common_pb2.ROLE_MEMBER, place.project)
    role = {"role": common_pb2.ROLE_MEMBER, "project": place.project}
    made = account.CreateApplicationCredential(name="program", secret="s" * 32, roles=[role])
    its = {"id": made.metadata.id}
    change = {**its, "name": "renamed", "update_mask": NAME, "request_id": str(uuid4())}
    changed = admin.UpdateApplicationCredential(**change)
    end = {"id": made.creator, "request_id": str(uuid4())}
    for _ in range(2):
        admin.DeleteAccount(**end)
        again = admin.UpdateApplicationCredential(**change)
        assert again.metadata.id == changed.metadata.id
    with refused("NOT_FOUND"):
        admin.UpdateApplicationCredential(**{**change, "request_id": str(uuid4())})
    with refused("NOT_FOUND"):
        admin.DeleteApplicationCredential(**its)


def test_who_gave_hardware_to_a_project_that_is_gone_since_is_answered_as_before(
    place: Place,
) -> None:
    operator, kind = place.operator, f"t-{uuid4().hex[:8]}"
    host, server, rack = place.add_host(), place.add_server(), str(uuid4())
    operator.CreateProviderType(name=kind)
    owner, of_region = place.project, {"region": place.region}
    new = {"id": rack, "name": new_name("rack"), "type": kind, "project": owner}
    given = {"project": owner, "update_mask": {"paths": ["project"]}}
    changes = {"changes": [{"id": rack, "project": owner}]}
    asked = (
        (operator.CreateProviders, {**of_region, "providers": [new]}),
        (operator.UpdateProviders, changes),
        (operator.ReshapeProviders, changes),
        (operator.UpdateHost, {"id": host, **given}),
        (operator.UpdateServer, {"id": server, **given}),
    )
    calls = [(call, {**fields, "request_id": str(uuid4())}) for call, fields in asked]
    first = [call(**fields) for call, fields in calls]
    operator.DeleteProject(id=owner)
    for (call, fields), answer in zip(calls, first, strict=True):
        assert call(**fields) == answer
        with refused("NOT_FOUND"):
            call(**{**fields, "request_id": str(uuid4())})


def test_what_is_asked_anew_of_what_is_gone_is_not_found(place: Place) -> None:
    operator, other = (
        place.site.account(common_pb2.ROLE_OPERATOR, region=place.region) for _ in range(2)
    )
    end = {"id": MAKES["Network"](place), "request_id": str(uuid4())}
    operator.DeleteNetwork(**end)
    for who, asked in ((other, end), (operator, {"id": end["id"]})):
        with refused("NOT_FOUND"):
            who.DeleteNetwork(**asked)
